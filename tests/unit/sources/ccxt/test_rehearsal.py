"""Subscriptions that ccxt refuses by itself are found before the feed starts."""

from __future__ import annotations

import asyncio

import pytest

from feedd.errors import ConfigError, CredentialsError
from feedd.sources.ccxt import rehearsal
from feedd.sources.ccxt.source import CcxtSource
from tests.scripted_exchange import market


def rehearsed(exchange: str, *channels: str, key: tuple[str, str] | None = None) -> None:
    async def run() -> None:
        source = CcxtSource(
            exchange, "BTC/USDT", channels, endpoint="http://127.0.0.1:9", credentials=key
        )
        source._exchange.set_markets([market("BTC/USDT", "BTC-USDT")])
        try:
            await rehearsal.rehearse(exchange, channels, source._watch)
            assert not source._exchange.clients  # nothing was connected
        finally:
            await source.close()

    asyncio.run(run())


def test_a_channel_that_needs_a_key_is_named_without_blame_of_a_key() -> None:
    expected = "^coinbaseexchange serves book with an API key only, and none is set$"
    with pytest.raises(CredentialsError, match=expected):
        rehearsed("coinbaseexchange", "trade", "book")


@pytest.mark.parametrize("exchange", ["coinbaseexchange", "poloniex", "bitstamp", "gemini"])
def test_a_channel_that_needs_none_is_rehearsed_without_a_connection(exchange: str) -> None:
    rehearsed(exchange, "trade")


def test_binary_messages_that_nothing_here_reads_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = CcxtSource("mexc", "BTC/USDT", ("trade",))
    monkeypatch.setattr(rehearsal, "_has_protobuf", lambda: False)
    with pytest.raises(ConfigError, match="mexc sends BTC/USDT as protobuf messages"):
        rehearsal.check_decodable(source._exchange, "mexc", "BTC/USDT")
    rehearsal.check_decodable(source._exchange, "mexc", "BTC/USDT:USDT")
    rehearsal.check_decodable(CcxtSource("poloniex", "A/B", ("trade",))._exchange, "x", "A/B")

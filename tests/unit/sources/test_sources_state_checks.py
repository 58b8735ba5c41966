"""Both sources state how each channel is checked, and what quotes are made from."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from feedd.sources.ccxt.source import CcxtSource
from feedd.sources.native.source import NativeSource

BTC = "BTC/USDT:USDT"


def stated(kind: Any, exchange: str, channels: tuple[str, ...]) -> tuple[dict[str, Any], Any]:
    async def run() -> tuple[dict[str, Any], Any]:
        source = kind(exchange, BTC, channels)
        checked = {name: source.checked.get(name, "none") for name in channels}
        await source.close()
        return checked, source.quote_from

    return asyncio.run(run())


@pytest.mark.parametrize("kind", [CcxtSource, NativeSource])
def test_a_source_states_it_by_channel(kind: Any) -> None:
    channels = ("quote", "trade", "book", "liquidation")
    words = {"quote": "whole", "trade": "sequence", "book": "sequence", "liquidation": "none"}
    assert stated(kind, "binanceusdm", channels) == (words, "quote")
    assert stated(kind, "binanceusdm", ("book",)) == ({"book": "sequence"}, None)


@pytest.mark.parametrize(
    ("exchange", "origin"), [("cryptocom", "ticker"), ("htx", "book"), ("phemex", "book")]
)
def test_quotes_name_the_channel_that_they_are_made_from(exchange: str, origin: str) -> None:
    assert stated(CcxtSource, exchange, ("quote",))[1] == origin


def test_a_venue_without_rules_is_checked_by_nothing() -> None:
    channels = ("ticker", "trade", "book")
    assert stated(CcxtSource, "phemex", channels)[0] == dict.fromkeys(channels, "none")

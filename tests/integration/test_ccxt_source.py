"""The ccxt source: the real ccxt against the embedded exchange, with the faults that it hides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from integration.source_setup import running
from integration.source_setup import source_setup as setup_of

from feedd.config.faults import Fault
from feedd.embedded.market import MarketMessage
from feedd.errors import ConfigError, SourceError
from feedd.sources.ccxt.source import CcxtSource

source_setup = partial(setup_of, "ccxt")


def test_the_backoff_resets_on_data_and_not_on_connecting() -> None:
    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(("quote",))
            async with running(setup, source):
                await setup.until(lambda: setup.received.ids("quote"))
                assert source._backoff["quote"]._tries == 0
                for _ in range(3):
                    losses = len(setup.received.losses)
                    source.renew("quote", "because")
                    await setup.until(lambda n=losses: len(setup.received.losses) > n)
                    assert source._backoff["quote"]._tries >= 1
                    seen = len(setup.received.ticks)
                    await setup.until(lambda n=seen: len(setup.received.ticks) > n)
                    assert source._backoff["quote"]._tries == 0

    asyncio.run(run())


@pytest.mark.parametrize(
    "late",
    [
        {"e": "trade", "E": 5, "T": 5, "s": "BTCUSDT", "t": 7, "p": "1", "q": "1", "X": "MARKET",
         "m": False},
        {"e": "bookTicker", "u": 7, "s": "BTCUSDT", "b": "1.0", "B": "2", "a": "3.0", "A": "4",
         "T": 5, "E": 6},
    ],
)  # fmt: skip
def test_data_from_an_abandoned_connection_is_dropped_as_part_of_the_gap(
    late: dict[str, Any],
) -> None:
    async def run() -> None:
        channel = "trade" if late["e"] == "trade" else "quote"
        async with source_setup() as setup:
            source = setup.source((channel,))
            async with running(setup, source):
                await setup.until(lambda: setup.received.ids(channel))
                given_up = source._taps[channel].client
                source.renew(channel, "because")
                await setup.until(lambda: setup.received.losses)
                given_up.on_message_callback(given_up, late)
                seen = len(setup.received.ids(channel))
                await setup.until(lambda: len(setup.received.ids(channel)) > seen)
                assert 7 not in setup.received.ids(channel)

    asyncio.run(run())


def test_an_unreachable_exchange_is_a_temporary_error() -> None:
    async def run() -> None:
        source = CcxtSource(
            "binanceusdm", "BTC/USDT:USDT", ("quote",), endpoint="http://127.0.0.1:9"
        )
        with pytest.raises(SourceError, match=r"^127\.0\.0\.1:9 refuses the connection$"):
            await source.prepare()
        await source.close()

    asyncio.run(run())


def test_an_unknown_exchange_and_an_unsupported_channel_are_permanent_errors() -> None:
    with pytest.raises(ConfigError, match="is it binanceusdm"):
        CcxtSource("binanceusd", "BTC/USDT", ("quote",))

    async def run() -> None:
        source = CcxtSource("bitfinex", "BTC/USDT", ("mark",), endpoint="http://127.0.0.1:9")
        with pytest.raises(
            ConfigError,
            match=r"has no mark of BTC/USDT in ccxt.pro; it has ticker, quote, trade, book, candle",
        ):
            await source.prepare()
        await source.close()

    asyncio.run(run())


def test_a_book_rejects_an_update_of_another_symbol() -> None:
    async def run() -> None:
        async with source_setup(rate=50) as setup, running(setup, setup.source(("book",))):
            await setup.until(lambda: setup.received.ids("book"))
            u = setup.received.ids("book")[-1] + 10**9
            other = {"e": "depthUpdate", "E": 1, "s": "ETHUSDT", "U": u, "u": u, "pu": u - 1,
                     "b": [["1.0", "7"]], "a": []}  # fmt: skip
            setup.client("@depth").write([json.dumps(other)])
            await setup.until(lambda: setup.received.rejections)
            assert "ETHUSDT instead of BTCUSDT" in setup.received.rejections[0][1]
            seen = len(setup.received.ids("book"))
            await setup.until(lambda: len(setup.received.ids("book")) > seen + 3)
            assert u not in setup.received.ids("book")
            assert (setup.received.holes, setup.received.resyncs) == ([], [])

    asyncio.run(run())


def test_bybits_ticker_reconnects_when_its_snapshot_is_missing() -> None:
    """Ccxt would build a ticker from the few changed fields and its earlier state."""

    async def run() -> None:
        async with source_setup(rate=100) as setup:
            setup.server._director.add(Fault(fault="no_snapshot", streams=("tickers",)))
            source = CcxtSource("bybit", "BTC/USDT:USDT", ("ticker",),
                                endpoint=f"http://127.0.0.1:{setup.port}")  # fmt: skip
            async with running(setup, source):
                await setup.until(lambda: len(setup.received.ticks) > 3)
                assert setup.received.losses == [
                    ("ticker", "the ticker began without its snapshot")
                ]
                assert all(tick.last and tick.volume for tick in setup.received.ticks)  # type: ignore[union-attr]

    asyncio.run(run())


def test_a_lost_bybit_delta_is_reported_and_the_topic_resubscribed() -> None:
    async def run() -> None:
        async with source_setup(rate=200) as setup:
            source = CcxtSource("bybit", "BTC/USDT:USDT", ("quote", "book"),
                                endpoint=f"http://127.0.0.1:{setup.port}")  # fmt: skip
            async with running(setup, source):
                await setup.until(lambda: len(setup.received.ids("book")) > 3)
                client = next(iter(setup.server._open))
                send, lost = client.send, []

                def lose_one(messages: Sequence[MarketMessage]) -> None:
                    kept = [m for m in messages if lost or not m.stream.startswith("orderbook.50")]
                    lost.extend(m.id for m in messages if m not in kept)
                    if kept:
                        send(kept)

                client.send = lose_one  # type: ignore[method-assign]
                await setup.until(lambda: setup.received.holes)
                (channel, from_id, to_id, _) = setup.received.holes[0]
                assert (channel, from_id) == ("book", lost[0] - 1)
                assert to_id in setup.received.ids("book")
                seen = len(setup.received.ids("book"))
                await setup.until(lambda: len(setup.received.ids("book")) > seen + 3)
                assert setup.received.losses == []

    asyncio.run(run())

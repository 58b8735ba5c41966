"""Bybit through the native source: payloads equal to the ccxt source's, and its snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from integration.equal_payloads import both, compare
from integration.source_setup import SourceSetup, running
from recorded_callbacks import RecordedCallbacks

from feedd.clock import Clock
from feedd.config.faults import Fault
from feedd.embedded.bybit.served import bybit
from feedd.embedded.client_connection import ClientConnection
from feedd.embedded.generated import GeneratedBybitSpot, GeneratedInverse, GeneratedLinear
from feedd.embedded.server import ExchangeServer
from feedd.errors import CredentialsError, UnknownSymbolError
from feedd.sources.native import connection as connections
from feedd.sources.native import route as routes
from feedd.sources.native.source import NativeSource

MARKETS: dict[str, tuple[str, Callable[..., Any]]] = {
    "linear": ("BTC/USDT:USDT", GeneratedLinear),
    "inverse": ("BTC/USD:BTC", GeneratedInverse),
    "spot": ("BTC/USDT", GeneratedBybitSpot),
}
LEAST = {"ticker": 20, "quote": 100, "trade": 200, "book": 50, "candle": 3}


@pytest.mark.parametrize("category", MARKETS)
def test_both_sources_publish_identical_payloads(category: str) -> None:
    symbol, make = MARKETS[category]
    least = {**LEAST, **({} if category == "spot" else {"liquidation": 1})}

    async def run() -> tuple[RecordedCallbacks, RecordedCallbacks]:
        return await both(bybit(make(Clock(), rate=200)), "bybit", symbol, list(least), least)

    ours, theirs = asyncio.run(run())
    for channel, count in least.items():
        own = 1 if channel in {"ticker", "quote", "book"} else 0  # a snapshot
        assert compare(ours, theirs, channel, own=own) >= count // 4


# --- faults, and several connections --------------------------------------------------------------

CHANNELS = ("ticker", "quote", "trade", "book")


@asynccontextmanager
async def bybit_setup(
    category: str = "linear",
    channels: tuple[str, ...] = CHANNELS,
    rate: float = 100.0,
    **options: Any,
) -> AsyncIterator[tuple[SourceSetup, NativeSource]]:
    symbol, make = MARKETS[category]
    served = bybit(make(Clock(), rate=rate))
    server = ExchangeServer([served], Clock())
    port = await server.start(0)
    setup = SourceSetup("native", server, port)
    endpoint = f"http://127.0.0.1:{port}{served.below}"
    source = NativeSource("bybit", symbol, channels, endpoint=endpoint, **options)
    try:
        yield setup, source
    finally:
        await server.stop()


def add_fault(setup: SourceSetup, **settings: Any) -> None:
    setup.server._director.add(Fault(**settings))


async def more(setup: SourceSetup, *channels: str, count: int = 10) -> None:
    seen = {channel: len(setup.received.ids(channel)) for channel in channels}
    await setup.until(
        lambda: all(len(setup.received.ids(name)) >= n + count for name, n in seen.items())
    )


def check_order(setup: SourceSetup, *failing: str) -> None:
    """Check that ids rise, that no trade comes twice, and that nothing else was lost."""
    received = setup.received
    assert {channel for channel, _ in received.losses} <= set(failing)
    assert [hole for hole in received.holes if hole[0] not in failing] == []
    for channel in ("quote", "book"):
        ids = received.ids(channel)
        assert all(one <= following for one, following in pairwise(ids)), channel
    trades = received.ids("trade")
    assert len(trades) == len(set(trades))
    tickers = [tick for tick in received.ticks if tick.channel == "ticker"]
    assert all(tick.last and tick.volume for tick in tickers)  # type: ignore[union-attr]
    times = [tick.timestamp or 0 for tick in tickers]
    assert times == sorted(times)


def both_go_on(source: NativeSource) -> bool:
    return all(
        len(source._routes[0]._carrying(channel)) == 2
        and all(
            source._merges[channel].goes_on_with(line)
            for line in source._routes[0]._carrying(channel)
        )
        for channel in CHANNELS
    )


def test_a_ticker_without_its_snapshot_is_subscribed_to_again_and_costs_no_other() -> None:
    async def run() -> None:
        async with bybit_setup() as (setup, source):
            add_fault(setup, fault="no_snapshot", streams=("tickers",), count=2)
            async with running(setup, source):
                await more(setup, *CHANNELS, count=5)
                assert {channel for channel, _ in setup.received.losses} == {"ticker"}
                assert setup.server._connections == 1
                check_order(setup, "ticker")

    asyncio.run(run())


def test_a_ticker_begins_again_after_a_change_that_can_not_be_read() -> None:
    """What it would have changed is not known."""

    async def run() -> None:
        async with bybit_setup() as (setup, source), running(setup, source):
            await more(setup, *CHANNELS, count=5)
            client = setup.client("tickers")
            client.write(['{"topic":"tickers.BTCUSDT","type":"delta","ts":1,"data":{"symbol":5}}'])
            await setup.until(lambda: setup.received.losses)
            assert setup.received.rejections[0][0] == ["ticker"]
            await more(setup, *CHANNELS, count=5)
            assert setup.server._connections == 1
            check_order(setup, "ticker")

    asyncio.run(run())


@pytest.mark.parametrize("topic", ["orderbook.1.", "orderbook.50", "tickers", "publicTrade"])
def test_a_refused_topic_is_retried_and_costs_no_other_anything(topic: str) -> None:
    channel = {"orderbook.1.": "quote", "orderbook.50": "book", "tickers": "ticker",
               "publicTrade": "trade"}[topic]  # fmt: skip

    async def run() -> None:
        async with bybit_setup() as (setup, source):
            add_fault(setup, fault="refuse", streams=(topic,), count=2)
            async with running(setup, source):
                await more(setup, *CHANNELS, count=5)
                assert {name for name, _ in setup.received.losses} == {channel}
                assert setup.server._connections == 1

    asyncio.run(run())


def test_an_unanswered_topic_is_lost_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ACK_WITHIN_S", 0.5)

    async def run() -> None:
        async with bybit_setup() as (setup, source):
            add_fault(setup, fault="mute", streams=("orderbook.50",))
            add_fault(setup, fault="no_ack", streams=("orderbook.50",))
            async with running(setup, source):
                await setup.until(lambda: setup.received.losses)
                assert setup.received.losses[0][0] == "book"
                await more(setup, "quote", "trade", "ticker")
                setup.server._director.faults.delete(None)
                await more(setup, *CHANNELS)
                check_order(setup, "book")

    asyncio.run(run())


@pytest.mark.parametrize("fault", ["drop", "reorder", "malformed", "no_snapshot"])
def test_a_faulty_update_of_the_book_is_one_gap_and_a_new_snapshot(fault: str) -> None:
    async def run() -> None:
        async with bybit_setup() as (setup, source), running(setup, source):
            await more(setup, *CHANNELS, count=5)
            if fault == "no_snapshot":
                add_fault(setup, fault="no_snapshot", streams=("orderbook.50",), count=1)
                add_fault(setup, fault="drop", streams=("orderbook.50",), count=1)
            else:
                add_fault(setup, fault=fault, streams=("orderbook.50",), count=1)
            await setup.until(lambda: setup.received.holes)
            await more(setup, *CHANNELS, count=5)
            assert [hole[0] for hole in setup.received.holes] == ["book"]
            assert setup.server._connections == 1
            check_order(setup, "book", "ticker")  # an unreadable message may have been of either

    asyncio.run(run())


def test_an_event_sent_twice_is_published_once() -> None:
    async def run() -> None:
        async with bybit_setup() as (setup, source), running(setup, source):
            await more(setup, *CHANNELS, count=5)
            for topic in ("publicTrade", "orderbook.50", "orderbook.1."):
                add_fault(setup, fault="duplicate", streams=(topic,), count=3)
            await more(setup, *CHANNELS, count=20)
            check_order(setup)
            quotes = setup.received.ids("quote")
            assert len(quotes) == len(set(quotes))

    asyncio.run(run())


@pytest.mark.parametrize("category", MARKETS)
def test_one_of_two_connections_can_fail_without_a_gap(category: str) -> None:
    async def run() -> None:
        async with bybit_setup(category, connections=2) as (setup, source):
            async with running(setup, source):
                await more(setup, *CHANNELS, count=5)
                for _ in range(3):
                    await setup.until(lambda: both_go_on(source))
                    client: ClientConnection = min(setup.server._open, key=lambda one: one.number)
                    client.abort()
                    await setup.until(lambda gone=client: gone not in setup.server._open)
                    await more(setup, *CHANNELS, count=5)
                assert setup.received.resyncs == []
                check_order(setup)

    asyncio.run(run())


def test_a_lost_update_of_one_connection_is_filled_by_the_other() -> None:
    async def run() -> None:
        async with bybit_setup(connections=2) as (setup, source), running(setup, source):
            await more(setup, *CHANNELS, count=5)
            await setup.until(lambda: both_go_on(source))
            faulty: ClientConnection = min(setup.server._open, key=lambda one: one.number)
            send, counted = faulty.send, [0]

            def lose_some(messages: Any) -> None:
                counted[0] += 1
                kept = [one for one in messages if "orderbook.50" not in one.stream]
                send(messages if counted[0] % 5 else kept)

            faulty.send = lose_some  # type: ignore[method-assign]
            await setup.until(lambda: counted[0] > 100)
            assert (setup.received.holes, setup.received.resyncs) == ([], [])
            ids = setup.received.ids("book")
            assert ids == list(range(ids[0], ids[0] + len(ids)))

    asyncio.run(run())


@pytest.mark.parametrize("category", MARKETS)
def test_connections_are_replaced_without_a_gap(
    monkeypatch: pytest.MonkeyPatch, category: str
) -> None:
    monkeypatch.setattr(routes, "OVERLAP_S", 0.5)

    async def run() -> None:
        async with bybit_setup(category, rotate_after_s=2.0) as (setup, source):
            async with running(setup, source):
                await setup.until(lambda: setup.server._connections >= 4, 60)
                await more(setup, *CHANNELS)
                assert setup.received.resyncs == []
                check_order(setup)
                ids = setup.received.ids("book")
                assert sorted(set(ids)) == list(range(ids[0], ids[-1] + 1))

    asyncio.run(run())


def test_an_unknown_symbol_and_a_refused_key_are_permanent_errors() -> None:
    async def run() -> None:
        async with bybit_setup(credentials=("key", "secret")) as (_, source):
            with pytest.raises(CredentialsError, match="10003"):
                await source.prepare()
        async with bybit_setup() as (setup, _):
            endpoint = f"http://127.0.0.1:{setup.port}"
            unknown = NativeSource("bybit", "BTX/USDT:USDT", CHANNELS, endpoint=endpoint)
            with pytest.raises(UnknownSymbolError, match="BTC/USDT:USDT"):
                await unknown.prepare()

    asyncio.run(run())

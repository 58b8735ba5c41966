"""Connections of the real ccxt that are replaced before the embedded exchange closes them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from integration.source_setup import SourceSetup, running
from integration.source_setup import source_setup as setup_of

from feedd.sources.ccxt import replacements

source_setup = partial(setup_of, "ccxt")
CHANNELS = ("ticker", "quote", "trade", "book", "candle", "mark")
SHUTDOWN = '{"e":"serverShutdown","E":1770123456789}'


@pytest.fixture(autouse=True)
def short_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacements, "OVERLAP_S", 0.5)


def check_whole(setup: SourceSetup) -> None:
    """Check that nothing was lost, doubled, out of order or reported."""
    received = setup.received
    assert (received.losses, received.holes, received.rejections) == ([], [], [])
    assert received.resyncs == []
    quotes, trades, books = (received.ids(name) for name in ("quote", "trade", "book"))
    assert quotes == setup.sent[setup.sent.index(quotes[0]) :][: len(quotes)]
    assert trades == list(range(trades[0], trades[0] + len(trades)))
    assert books == sorted(set(books))
    others: list[Any] = [one for one in received.ticks if one.channel in {"candle", "mark"}]
    # A candle that closes and the one that begins may have one timestamp.
    keys = {(one.channel, one.timestamp, getattr(one, "open_time", None)) for one in others}
    assert len(keys) == len(others)


async def live(setup: SourceSetup) -> None:
    """Wait until each channel has delivered."""
    await setup.until(lambda: {tick.channel for tick in setup.received.ticks} >= set(CHANNELS))


async def flows(setup: SourceSetup) -> None:
    """Wait for a hundred more quotes."""
    seen = len(setup.received.ids("quote"))
    await setup.until(lambda: len(setup.received.ids("quote")) > seen + 100)


def test_a_connection_is_replaced_before_its_announced_shutdown() -> None:
    async def run() -> None:
        async with source_setup(rate=300) as setup:
            async with running(setup, setup.source(CHANNELS)):
                await live(setup)
                leaving = set(setup.server._open)
                assert len(leaving) == 2  # one for each path
                for client in leaving:
                    client.write([SHUTDOWN, SHUTDOWN])
                await setup.until(lambda: not leaving & setup.server._open)
                assert len(setup.server._open) == 2
                await flows(setup)
                check_whole(setup)

    asyncio.run(run())


def test_a_connection_is_replaced_before_it_is_too_old() -> None:
    async def run() -> None:
        async with source_setup(rate=300) as setup:
            async with running(setup, setup.source(CHANNELS, rotate_after_s=1.5)):
                await live(setup)
                await setup.until(lambda: setup.server._connections >= 6, 60)
                await flows(setup)
                check_whole(setup)

    asyncio.run(run())


def test_a_connection_that_ends_during_the_overlap_leaves_its_channels_to_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replacements, "OVERLAP_S", 30.0)

    async def run() -> None:
        async with source_setup(rate=300) as setup:
            source = setup.source(CHANNELS)
            async with running(setup, source):
                await live(setup)
                leaving = setup.client("btcusdt@bookTicker")
                leaving.write([SHUTDOWN])
                of = source._replacements._following
                merges = source._delivery.merges
                await setup.until(
                    lambda: (
                        of.keys() == {"quote", "trade", "book"}
                        and all(merges[name]._lines[tap].joined for name, tap in of.items())
                    )
                )
                await leaving.response.close(code=1001)
                await setup.until(lambda: leaving not in setup.server._open)
                await flows(setup)
                check_whole(setup)

    asyncio.run(run())


def test_a_connection_that_can_not_be_replaced_stays_until_the_exchange_closes_it() -> None:
    async def run() -> None:
        async with source_setup(rate=300) as setup:
            source = setup.source(("quote", "trade"))
            async with running(setup, source):
                await setup.until(lambda: setup.received.ids("trade"))
                (leaving,) = setup.server._open

                async def refuse(_session: Any) -> Any:
                    raise ConnectionRefusedError("not now")

                client_of = source._exchange.client

                def refusing(url: str) -> Any:
                    client = client_of(url)
                    client.create_connection = refuse
                    return client

                source._exchange.client = refusing
                leaving.write([SHUTDOWN])
                await flows(setup)
                await asyncio.sleep(2)
                await flows(setup)
                assert (setup.received.losses, setup.received.holes) == ([], [])
                source._exchange.client = client_of
                await leaving.response.close(code=1001)
                await setup.until(lambda: setup.received.losses or setup.server._connections >= 2)
                await flows(setup)

    asyncio.run(run())

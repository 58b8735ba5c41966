"""One channel's failure stays its own: the others of its connection lose nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
from integration.source_setup import SourceSetup, running, source_setup

from feedd.config.faults import Fault
from feedd.errors import UnknownSymbolError
from feedd.sources.ccxt.lean_import import ccxt
from feedd.sources.ccxt.source import CcxtSource
from feedd.sources.native import connection as connections

MakeSetup = Callable[..., AbstractAsyncContextManager[SourceSetup]]
FLOWING = frozenset({"quote"})


@pytest.fixture(name="source_setup", params=["ccxt", "native"])
def setup_of_either_source(request: pytest.FixtureRequest) -> MakeSetup:
    return partial(source_setup, request.param)


def add_fault(setup: SourceSetup, **settings: Any) -> None:
    setup.server._director.add(Fault(**settings))


def check_whole(setup: SourceSetup, *failing: str) -> None:
    """Check that quotes and trades were neither lost, doubled nor disconnected."""
    received = setup.received
    assert {channel for channel, _ in received.losses} <= set(failing)
    assert [hole for hole in received.holes if hole[0] not in failing] == []
    quotes, trades = received.ids("quote"), received.ids("trade")
    assert quotes == setup.sent[setup.sent.index(quotes[0]) :][: len(quotes)]
    assert trades == list(range(trades[0], trades[0] + len(trades)))
    assert setup.server._connections == 1


async def more(setup: SourceSetup, *channels: str, count: int = 20) -> None:
    """Wait for more events of each channel."""
    seen = {channel: len(setup.received.ids(channel)) for channel in channels}
    await setup.until(
        lambda: all(len(setup.received.ids(name)) >= n + count for name, n in seen.items())
    )


@pytest.mark.parametrize(
    "failure",
    [
        {"fault": "http", "status": 400, "code": -1121},
        {"fault": "http", "status": 503},
        {"fault": "truncated"},
        {"fault": "empty"},
        {"fault": "html"},
        {"fault": "page_reset"},
        {"fault": "http", "status": 200, "text": "{}"},
        {"fault": "http", "status": 200, "text": '{"lastUpdateId":1,"bids":null,"asks":[]}'},
        {"fault": "http", "status": 200, "text": '{"lastUpdateId":1,"bids":[["1"]],"asks":[]}'},
        {"fault": "http", "status": 200, "text": '{"lastUpdateId":1,"bids":[],"asks":[]}'},
    ],
)  # fmt: skip
def test_a_book_without_a_usable_snapshot_costs_no_quote_and_no_trade(
    source_setup: MakeSetup, failure: dict[str, Any]
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            add_fault(setup, page="depth", **failure)
            async with running(setup, setup.source(("quote", "trade", "book"))):
                await setup.until(lambda: len(setup.received.resyncs) >= 2)
                await more(setup, "quote", "trade")
                assert {channel for channel, _ in setup.received.resyncs} == {"book"}
                assert setup.received.ids("book") == []
                check_whole(setup)
                setup.server._director.faults.delete(None)
                await more(setup, "quote", "trade", "book", count=1)
                check_whole(setup)

    asyncio.run(run())


def test_a_silent_channel_is_subscribed_to_again_on_its_connection(source_setup: MakeSetup) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(("quote", "trade", "book"))
            async with running(setup, source):
                await more(setup, "quote", "trade", "book")
                requests: list[str] = []
                client = setup.client("bookTicker")
                on_text = client.connection.on_text

                def note(text: str, now_s: float) -> Any:
                    requests.append(text)
                    return on_text(text, now_s)

                client.connection.on_text = note  # type: ignore[method-assign]
                source.renew("book", "silent for more than 10 s", FLOWING)
                await setup.until(lambda: len(requests) >= 2)
                assert [("UNSUBSCRIBE" in text, "@depth" in text) for text in requests] == [
                    (True, True), (False, True),
                ]  # fmt: skip
                await more(setup, "quote", "trade", "book")
                check_whole(setup, "book")

    asyncio.run(run())


@pytest.mark.parametrize("form", ["nested", "flat"])
def test_a_refused_subscription_costs_no_other_channel_anything(
    source_setup: MakeSetup, form: str
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            add_fault(setup, fault="refuse", streams=("btcusdt@depth",), count=2, form=form)
            async with running(setup, setup.source(("quote", "trade", "book"))):
                await more(setup, "quote", "trade", "book")
                assert [channel for channel, _ in setup.received.losses] == ["book", "book"]
                assert "refused" in setup.received.losses[0][1]
                check_whole(setup, "book")

    asyncio.run(run())


def test_an_unacknowledged_subscription_with_data_is_kept(
    source_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ACK_WITHIN_S", 0.5)

    async def run() -> None:
        async with source_setup() as setup:
            add_fault(setup, fault="no_ack", streams=("btcusdt@trade",))
            async with running(setup, setup.source(("quote", "trade"))):
                await more(setup, "quote", "trade", count=100)
                assert setup.received.losses == []
                check_whole(setup)

    asyncio.run(run())


def test_an_unanswered_and_silent_subscription_is_that_channels_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With ccxt it is found by its silence."""
    monkeypatch.setattr(connections, "ACK_WITHIN_S", 0.5)

    async def run() -> None:
        async with source_setup("native") as setup:
            add_fault(setup, fault="mute", streams=("btcusdt@depth",))
            add_fault(setup, fault="no_ack", streams=("btcusdt@depth",))
            async with running(setup, setup.source(("quote", "trade", "book"))):
                await setup.until(lambda: setup.received.losses)
                assert setup.received.losses[0] == (
                    "book", "the subscription to book was not answered in 0.5 s",
                )  # fmt: skip
                await more(setup, "quote", "trade")
                check_whole(setup, "book")
                setup.server._director.faults.delete(None)
                await more(setup, "quote", "trade", "book")
                check_whole(setup, "book")

    asyncio.run(run())


def test_an_unreadable_message_of_a_known_type_is_a_gap_of_its_channel_alone(
    source_setup: MakeSetup,
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            async with running(setup, setup.source(("quote", "trade", "book"))):
                await more(setup, "quote", "trade", "book")
                setup.client("btcusdt@trade").write(['{"e":"trade","s":"BTCUSDT","p":"junk"}'])
                setup.client("btcusdt@trade").write(['{"e":"depthUpdate","s":"BTCUSDT","u":"x"}'])
                await setup.until(lambda: len(setup.received.rejections) >= 2)
                assert [names for names, _ in setup.received.rejections] == [["trade"], ["book"]]
                await more(setup, "quote", "trade", "book")
                check_whole(setup, "trade", "book")

    asyncio.run(run())


def test_a_silent_channels_connection_is_replaced_the_second_time_and_nothing_is_lost(
    source_setup: MakeSetup,
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(("quote", "trade", "book"))
            async with running(setup, source):
                await more(setup, "quote", "trade", "book")
                first = setup.client("bookTicker")
                for _ in range(2):
                    source.renew("book", "silent for more than 10 s", FLOWING)
                await setup.until(lambda: first not in setup.server._open)
                await more(setup, "quote", "trade", "book")
                assert setup.received.losses == []
                setup.server._connections = 1
                check_whole(setup, "book")

    asyncio.run(run())


def test_bybits_ticker_without_its_snapshot_costs_no_quote() -> None:
    async def run() -> None:
        async with source_setup("ccxt", rate=100) as setup:
            add_fault(setup, fault="no_snapshot", streams=("tickers",), count=2)
            source = CcxtSource("bybit", "BTC/USDT:USDT", ("ticker", "quote", "trade", "book"),
                                endpoint=f"http://127.0.0.1:{setup.port}")  # fmt: skip
            async with running(setup, source):
                await more(setup, "ticker", "quote", "trade", "book", count=5)
                assert {channel for channel, _ in setup.received.losses} == {"ticker"}
                assert setup.server._connections == 1
                assert all(tick.last for tick in setup.received.ticks if tick.channel == "ticker")  # type: ignore[union-attr]

    asyncio.run(run())


@pytest.mark.parametrize("form", ["nested", "flat"])
def test_a_topic_that_bybit_refuses_costs_no_other_anything(form: str) -> None:
    async def run() -> None:
        async with source_setup("ccxt", rate=100) as setup:
            add_fault(setup, fault="refuse", streams=("orderbook.50",), count=2, form=form)
            source = CcxtSource("bybit", "BTC/USDT:USDT", ("quote", "trade", "book"),
                                endpoint=f"http://127.0.0.1:{setup.port}")  # fmt: skip
            async with running(setup, source):
                await more(setup, "quote", "trade", "book", count=5)
                assert {channel for channel, _ in setup.received.losses} == {"book"}
                assert setup.server._connections == 1

    asyncio.run(run())


def test_a_channel_that_the_exchange_can_not_serve_does_not_end_the_others() -> None:
    """Alone it is a permanent error."""

    async def run() -> None:
        async with source_setup("ccxt") as setup:
            source = setup.source(("quote", "mark"))

            async def refused(*_: Any) -> None:
                raise ccxt.BadSymbol("no mark price of this symbol")

            source._exchange.watch_mark_price = refused
            async with running(setup, source):
                await more(setup, "quote")
                assert {channel for channel, _ in setup.received.losses} == {"mark"}
                assert "no mark price of this symbol" in setup.received.losses[0][1]
            alone = setup.source(("mark",))
            alone._exchange.watch_mark_price = refused
            await alone.prepare()
            with pytest.raises(UnknownSymbolError):
                await alone.run(setup.received)
            await alone.close()

    asyncio.run(run())

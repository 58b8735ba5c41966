"""The contract of both sources: each test runs on the ccxt source and on the native one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from integration.source_setup import (
    CHANNELS,
    SourceSetup,
    heartbeat,
    quotes,
    running,
    source_setup,
    trade_frame,
)

from feedd.clock import Clock
from feedd.embedded.binance.served import usdm
from feedd.embedded.generated import GeneratedMarket
from feedd.embedded.market import MarketMessage
from feedd.embedded.rest_page import API_KEY, API_SECRET
from feedd.embedded.server import ExchangeServer
from feedd.errors import CredentialsError, SourceError, UnknownSymbolError
from feedd.feed.session import Session
from feedd.model import Tick
from feedd.sources import trade_keeper

MakeSetup = Callable[..., AbstractAsyncContextManager[SourceSetup]]


@pytest.fixture(name="source_setup", params=["ccxt", "native"])
def setup_of_either_source(request: pytest.FixtureRequest) -> MakeSetup:
    return partial(source_setup, request.param)


def test_a_burst_arrives_whole_and_in_order(source_setup: MakeSetup) -> None:
    """A plain watch loop delivered 27 of 50,000 here: ccxt drops what is not awaited."""

    async def run() -> None:
        async with source_setup(rate=0.001) as setup, running(setup, setup.source(("quote",))):
            await setup.until(lambda: setup.knows("bookTicker"))
            outlet = setup.client("bookTicker")
            for first in range(1, 50_001, 1000):
                outlet.send(quotes(first, 1000))
                while outlet.backlog() > 1 << 20:
                    await asyncio.sleep(0.01)
            await setup.until(
                lambda: setup.received.ticks and setup.received.ticks[-1].id == 50_000, 90
            )
            # The market's own first quotes have ids above 5e12.
            burst = [u for u in setup.received.ids("quote") if u <= 50_000]
            assert burst == list(range(1, 50_001))

    asyncio.run(run())


def test_every_channel_arrives_with_one_connection_per_path(source_setup: MakeSetup) -> None:
    async def run() -> None:
        async with source_setup() as setup, running(setup, setup.source()):
            await setup.until(lambda: all(setup.received.ids(channel) for channel in CHANNELS))
            assert len(setup.server._open) == 2  # /public and /market
            assert set(setup.received.subscriptions) == set(CHANNELS)
            trades = setup.received.ids("trade")
            assert trades == list(range(trades[0], trades[0] + len(trades)))

    asyncio.run(run())


@pytest.mark.parametrize("how", ["close 1000", "close 1008", "reset"])
def test_a_lost_connection_is_reported_and_replaced(source_setup: MakeSetup, how: str) -> None:
    async def run() -> None:
        async with source_setup() as setup, running(setup, setup.source(("quote", "trade"))):
            await setup.until(lambda: setup.received.ids("quote") and setup.received.ids("trade"))
            client = setup.client("bookTicker")
            if how == "reset":
                client.abort()
            else:
                await client.response.close(code=int(how.split()[1]))
            await setup.until(lambda: len(setup.received.losses) >= 2)
            assert {channel for channel, _ in setup.received.losses} == {"quote", "trade"}
            seen = len(setup.received.ids("quote")), len(setup.received.ids("trade"))
            await setup.until(
                lambda: (
                    len(setup.received.ids("quote")) > seen[0]
                    and len(setup.received.ids("trade")) > seen[1]
                )
            )

    asyncio.run(run())


@pytest.mark.parametrize(
    "frame",
    [
        '{"e":"bookTicker",', "[]", '{"e":"bookTicker","u":1}', "null", "123", "",
        '{"e":"noSuchEvent","s":"BTCUSDT"}',
        '{"e":"bookTicker","u":7,"s":"ETHUSDT","b":"1","B":"2","a":"3","A":"4","T":5,"E":6}',
        '{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"x","B":"2","a":"3","A":"4","T":5,"E":6}',
    ],
)  # fmt: skip
def test_an_unreadable_frame_is_reported_and_the_stream_continues(
    source_setup: MakeSetup, frame: str
) -> None:
    """In ccxt alone it ends the receive loop without an error and leaves the connection open."""

    async def run() -> None:
        async with source_setup() as setup, running(setup, setup.source(("quote",))):
            await setup.until(lambda: setup.received.ids("quote"))
            setup.client("bookTicker").write([frame])
            await setup.until(lambda: setup.received.rejections)
            assert setup.received.rejections[0][0] == ["quote"]
            seen = len(setup.received.ticks)
            await setup.until(lambda: len(setup.received.ticks) > seen)
            assert setup.received.losses == []

    asyncio.run(run())


@pytest.mark.parametrize(
    "refusal",
    ['{"error":{"code":2,"msg":"refused"},"id":1}', '{"code":2,"msg":"refused","id":1}'],
)
def test_a_refused_subscription_is_retried(source_setup: MakeSetup, refusal: str) -> None:
    """On the old connection ccxt would wait forever without subscribing again."""

    async def run() -> None:
        async with source_setup() as setup, running(setup, setup.source(("quote",))):
            await setup.until(lambda: setup.received.ids("quote"))
            setup.client("bookTicker").write([refusal])
            await setup.until(lambda: setup.received.losses)
            seen = len(setup.received.ticks)
            await setup.until(lambda: len(setup.received.ticks) > seen)

    asyncio.run(run())


def test_the_source_reconnects_to_an_exchange_that_was_down_without_freezing_the_loop(
    source_setup: MakeSetup,
) -> None:
    async def run() -> None:
        async with source_setup() as setup, running(setup, setup.source(("quote",))):
            await setup.until(lambda: setup.received.ids("quote"))
            await setup.server.stop()
            with heartbeat() as beats:
                longest, last = 0, beats()
                for _ in range(150):
                    await asyncio.sleep(0.02)
                    now = beats()
                    longest, last = max(longest, now - last), now
            assert longest < 50  # a second
            assert len(setup.received.losses) <= 12  # back-off: not a storm of tries
            await setup.until(lambda: len(setup.received.losses) >= 2)
            setup.server = ExchangeServer([usdm(GeneratedMarket(Clock(), rate=50))], Clock())
            await setup.server.start(setup.port)
            seen = len(setup.received.ticks)
            await setup.until(lambda: len(setup.received.ticks) > seen, 60)

    asyncio.run(run())


def test_every_event_missed_during_a_reconnect_is_in_a_reported_gap(
    source_setup: MakeSetup,
) -> None:
    """Late events of an abandoned connection must not end the gap."""

    async def run() -> None:
        async with source_setup(rate=2000) as setup:
            source = setup.source(("quote", "trade"))
            session = Session(("quote", "trade"), 0, source.self_checked)
            holes: dict[str, dict[Any, Any]] = {"quote": {}, "trade": {}}
            take, lose = setup.received.event, setup.received.lost

            def event(tick: Tick) -> None:
                gap = session.event(tick.channel, tick.id, tick.received_ns)
                if gap is not None:
                    holes[gap.channel][gap.from_id] = gap.to_id
                take(tick)

            def lost(channel: str, reason: str, *, waits: bool = False) -> None:
                session.lost(channel, reason, 0, waits=waits)
                lose(channel, reason, waits=waits)

            setup.received.event, setup.received.lost = event, lost  # type: ignore[method-assign]
            async with running(setup, source):
                for _ in range(8):
                    seen = len(setup.received.ids("quote"))
                    await setup.until(lambda n=seen: len(setup.received.ids("quote")) > n + 100)
                    source.renew("trade", "because")
                    await asyncio.sleep(0.1)
                seen = len(setup.received.ids("quote"))
                await setup.until(lambda n=seen: len(setup.received.ids("quote")) > n + 100)
        holes["trade"] = {start: end for _, start, end, _ in setup.received.holes}
        quotes = setup.received.ids("quote")
        assert len(holes["quote"]) >= 3  # a try to reconnect what is being reconnected does nothing
        where = {u: index for index, u in enumerate(setup.sent)}
        for one, following in pairwise(quotes):
            missing = where[following] - where[one] - 1
            assert missing >= 0
            if holes["quote"].get(one) != following:
                assert not missing, f"{missing} quotes are missing and in no gap"
        for one, following in pairwise(setup.received.ids("trade")):
            if holes["trade"].get(one) != following:
                assert following == one + 1, f"trades {one} to {following}, and no gap told"

    asyncio.run(run())


def test_an_unreadable_market_list_is_requested_again(source_setup: MakeSetup) -> None:
    """Ccxt keeps the first answer of load_markets, also one that it took for no markets."""

    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source()
            pages = setup.server._pages["usdm"]._pages
            right = pages["exchangeInfo"]
            for wrong in ({}, [1]):
                pages["exchangeInfo"] = lambda _, answer=wrong: answer
                with pytest.raises(SourceError):
                    await source.prepare()
            pages["exchangeInfo"] = right
            await source.prepare()
            await source.close()

    asyncio.run(run())


def test_a_fill_without_a_price_is_neither_a_trade_nor_a_gap(source_setup: MakeSetup) -> None:
    async def run() -> None:
        async with source_setup(rate=0.001) as setup, running(setup, setup.source(("trade",))):
            await setup.until(lambda: setup.knows("btcusdt@trade"))
            setup.client("btcusdt@trade").write(
                [trade_frame(1), trade_frame(2, price="0"), trade_frame(3)]
            )
            await setup.until(lambda: 3 in setup.received.ids("trade"))
            assert setup.received.ids("trade") == [1, 3]
            assert (setup.received.holes, setup.received.rejections) == ([], [])

    asyncio.run(run())


def test_an_unknown_symbol_is_a_permanent_error_that_suggests_similar_symbols(
    source_setup: MakeSetup,
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(symbol="BTX/USDT:USDT")
            with pytest.raises(UnknownSymbolError, match="BTC/USDT:USDT"):
                await source.prepare()
            await source.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("credentials", "refused"),
    [
        (("short", "secret"), "-2014"),
        (("a" * 64, "secret"), "-2015"),
        ((API_KEY, "wrong"), "-1022"),
        ((API_KEY, API_SECRET), None),
    ],
)
def test_the_api_key_is_checked_before_subscribing(
    source_setup: MakeSetup, credentials: tuple[str, str], refused: str | None
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(credentials=credentials)
            if refused is None:
                await source.prepare()
            else:
                with pytest.raises(CredentialsError, match=f"{refused}.*unset it") as caught:
                    await source.prepare()
                assert credentials[1] not in str(caught.value)
            await source.close()

    asyncio.run(run())


def test_trades_missed_during_a_reconnect_are_backfilled_in_order(
    source_setup: MakeSetup,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trade_keeper, "FILL_WITHIN_S", 45.0)

    async def run() -> None:
        async with source_setup(rate=200) as setup, running(setup, setup.source(("trade",))):
            await setup.until(lambda: len(setup.received.ids("trade")) > 20)

            def backfilled() -> bool:
                return any(hasattr(tick, "backfilled") for tick in setup.received.ticks)

            for _ in range(20):  # a connection may be back before anything was traded
                if backfilled():
                    break
                await setup.until(lambda: setup.knows("btcusdt@trade"))
                seen = len(setup.received.ids("trade"))
                setup.client("btcusdt@trade").abort()
                await setup.until(lambda n=seen: len(setup.received.ids("trade")) > n)
            assert backfilled()
            seen = len(setup.received.ids("trade"))
            await setup.until(lambda: len(setup.received.ids("trade")) > seen + 20)
            ids = setup.received.ids("trade")
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert setup.received.losses
            assert setup.received.holes == []

    asyncio.run(run())


def test_trades_that_cannot_be_backfilled_are_a_gap_with_its_range(source_setup: MakeSetup) -> None:
    async def run() -> None:
        async with source_setup(rate=0.001) as setup, running(setup, setup.source(("trade",))):
            await setup.until(lambda: setup.knows("btcusdt@trade"))
            setup.client("btcusdt@trade").write([trade_frame(1), trade_frame(4), trade_frame(5)])
            await setup.until(lambda: 5 in setup.received.ids("trade"))
            assert setup.received.ids("trade") == [1, 4, 5]
            ((channel, from_id, to_id, reason),) = setup.received.holes
            assert (channel, from_id, to_id) == ("trade", 1, 4)
            assert "ids jump" in reason

    asyncio.run(run())


def test_a_lost_depth_update_is_reported_and_the_book_restarts_from_a_snapshot(
    source_setup: MakeSetup,
) -> None:
    """In ccxt alone some of these gaps pass without an error."""

    async def run() -> None:
        async with source_setup(rate=200) as setup, running(setup, setup.source(("book",))):
            await setup.until(lambda: len(setup.received.ids("book")) > 3)
            client = setup.client("@depth")
            send, lost = client.send, []

            def lose_one(messages: Sequence[MarketMessage]) -> None:
                if not lost:
                    lost.extend(message.id for message in messages)
                    return
                send(messages)

            client.send = lose_one  # type: ignore[method-assign]
            await setup.until(lambda: setup.received.holes)
            (channel, from_id, to_id, _) = setup.received.holes[0]
            assert channel == "book"
            assert from_id < lost[0] < to_id
            assert (from_id, to_id) in pairwise(setup.received.ids("book"))
            assert setup.received.resyncs[0][0] == "book"
            seen = len(setup.received.ids("book"))
            await setup.until(lambda: len(setup.received.ids("book")) > seen + 3)
            assert setup.received.losses == []

    asyncio.run(run())

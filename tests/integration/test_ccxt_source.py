"""The ccxt source: the real ccxt against the embedded exchange, with the faults that it hides."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from typing import Any

import pytest

from feedd.clock import Clock
from feedd.config.faults import Fault
from feedd.embedded.client_connection import Client
from feedd.embedded.generated import GeneratedLinear, GeneratedMarket, GeneratedSpot
from feedd.embedded.market import Message
from feedd.embedded.rest_page import API_KEY, API_SECRET
from feedd.embedded.server import ExchangeServer
from feedd.embedded.truth import TruthLog
from feedd.errors import ConfigError, CredentialsError, SourceError, UnknownSymbolError
from feedd.feed.session import Session
from feedd.model import Tick
from feedd.sources import trade_keeper
from feedd.sources.ccxt.source import CcxtSource
from feedd.venues.binance.streams import parse

CHANNELS = ("ticker", "quote", "trade")


class Told:
    """Keeps all that a source tells."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.losses: list[tuple[str, str]] = []
        self.waits: list[str] = []
        self.rejections: list[tuple[list[str], str]] = []
        self.subscriptions: list[str] = []
        self.holes: list[tuple[str, Any, Any, str]] = []
        self.resyncs: list[tuple[str, str]] = []

    def hold(self) -> None: ...

    def release(self) -> None: ...

    def missing(self, channel: str, from_id: Any, to_id: Any, reason: str) -> None:
        self.holes.append((channel, from_id, to_id, reason))

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None:
        self.resyncs.append((channel, reason))
        if waits:
            self.waits.append(channel)

    def heard(self, channel: str) -> None:
        pass

    def event(self, tick: Tick) -> None:
        self.ticks.append(tick)

    def subscribed(self, channel: str) -> None:
        self.subscriptions.append(channel)

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        self.losses.append((channel, reason))
        if waits:
            self.waits.append(channel)

    def rejected(self, channels: Iterable[str], reason: str) -> None:
        self.rejections.append((list(channels), reason))

    def ids(self, channel: str) -> list[Any]:
        return [tick.id for tick in self.ticks if tick.channel == channel]


class Setting:
    """An exchange, a source and what it tells, on one loop."""

    def __init__(self, server: ExchangeServer, port: int) -> None:
        self.server = server
        self.port = port
        self.told = Told()
        self.sent: list[int] = []

    def send(self, messages: Sequence[Message]) -> None:
        self.sent += [message.id for message in messages if message.id is not None]

    def backlog(self) -> int:
        return 0

    def abort(self) -> None:
        pass

    def source(
        self, channels: tuple[str, ...] = CHANNELS, symbol: str = "BTC/USDT:USDT", **options: Any
    ) -> CcxtSource:
        return CcxtSource(
            "binanceusdm", symbol, channels, endpoint=f"http://127.0.0.1:{self.port}", **options
        )

    def client(self, stream: str) -> Client:
        """Return the connection that carries a stream."""
        return next(
            client
            for client in self.server._open
            if any(stream in one.name for one in client.connection.streams())
        )

    def knows(self, stream: str) -> bool:
        return any(
            stream in one.name
            for client in self.server._open
            for one in client.connection.streams()
        )

    async def until(self, condition: Any, timeout_s: float = 45.0) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "not in time"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def setting(rate: float = 50.0, truth: TruthLog | None = None) -> AsyncIterator[Setting]:
    market = GeneratedMarket(Clock(), rate=rate)
    spot, linear = GeneratedSpot(Clock(), rate=rate), GeneratedLinear(Clock(), rate=rate)
    server = ExchangeServer(market, Clock(), truth, spot=spot, linear=linear)
    port = await server.start(0)
    place = Setting(server, port)
    # A listener of its own, which nothing disconnects, knows every quote that there was.
    stream = parse("btcusdt@bookTicker")
    assert stream is not None
    market.subscribe(stream, place)
    try:
        yield place
    finally:
        await server.stop()


@asynccontextmanager
async def running(place: Setting, source: CcxtSource) -> AsyncIterator[None]:
    await source.prepare()
    task = asyncio.create_task(source.run(place.told))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await source.close()


@contextmanager
def heartbeat() -> Iterator[Callable[[], int]]:
    """Count a thread's beats, 50 a second; a busy machine delays them, a frozen loop doesn't."""
    stop, beats = threading.Event(), 0

    def beat() -> None:
        nonlocal beats
        while not stop.wait(0.02):
            beats += 1

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield lambda: beats
    finally:
        stop.set()
        thread.join()


def trade_frame(trade_id: int, price: str = "1.0") -> str:
    return json.dumps({"e": "trade", "E": 5, "T": 5, "s": "BTCUSDT", "t": trade_id, "p": price,
                       "q": "1", "X": "MARKET", "m": False})  # fmt: skip


def quotes(first: int, count: int) -> list[Message]:
    return [
        Message("btcusdt@bookTicker", u, json.dumps(
            {"e": "bookTicker", "u": u, "s": "BTCUSDT", "b": "1.0", "B": "2", "a": "3.0",
             "A": "4", "T": 5, "E": 6}))
        for u in range(first, first + count)
    ]  # fmt: skip


def test_a_burst_arrives_whole_and_in_order() -> None:
    """A plain watch loop delivered 27 of 50,000 here: ccxt keeps only what somebody awaits."""

    async def run() -> None:
        async with setting(rate=0.001) as place, running(place, place.source(("quote",))):
            await place.until(lambda: place.knows("bookTicker"))
            outlet = place.client("bookTicker")
            for first in range(1, 50_001, 1000):
                outlet.send(quotes(first, 1000))
                while outlet.backlog() > 1 << 20:
                    await asyncio.sleep(0.01)
            await place.until(lambda: place.told.ticks and place.told.ticks[-1].id == 50_000, 90)
            # The market's own first quotes have ids above 5e12.
            burst = [u for u in place.told.ids("quote") if u <= 50_000]
            assert burst == list(range(1, 50_001))

    asyncio.run(run())


def test_every_channel_arrives_with_one_connection_per_path() -> None:
    async def run() -> None:
        async with setting() as place, running(place, place.source()):
            await place.until(lambda: all(place.told.ids(channel) for channel in CHANNELS))
            assert len(place.server._open) == 2  # /public and /market
            assert set(place.told.subscriptions) == set(CHANNELS)
            trades = place.told.ids("trade")
            assert trades == list(range(trades[0], trades[0] + len(trades)))

    asyncio.run(run())


@pytest.mark.parametrize("how", ["close 1000", "close 1008", "reset"])
def test_a_lost_connection_is_told_and_made_again(how: str) -> None:
    async def run() -> None:
        async with setting() as place, running(place, place.source(("quote", "trade"))):
            await place.until(lambda: place.told.ids("quote") and place.told.ids("trade"))
            client = place.client("bookTicker")
            if how == "reset":
                client.abort()
            else:
                await client.response.close(code=int(how.split()[1]))
            await place.until(lambda: len(place.told.losses) >= 2)
            assert {channel for channel, _ in place.told.losses} == {"quote", "trade"}
            seen = len(place.told.ids("quote")), len(place.told.ids("trade"))
            await place.until(
                lambda: (
                    len(place.told.ids("quote")) > seen[0]
                    and len(place.told.ids("trade")) > seen[1]
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
def test_a_frame_that_ccxt_can_not_read_is_told_and_the_stream_goes_on(frame: str) -> None:
    """In ccxt alone it ends the receive loop without a word and leaves the connection open."""

    async def run() -> None:
        async with setting() as place, running(place, place.source(("quote",))):
            await place.until(lambda: place.told.ids("quote"))
            place.client("bookTicker").write([frame])
            await place.until(lambda: place.told.rejections)
            assert place.told.rejections[0][0] == ["quote"]
            seen = len(place.told.ticks)
            await place.until(lambda: len(place.told.ticks) > seen)
            assert place.told.losses == []

    asyncio.run(run())


@pytest.mark.parametrize(
    "refusal",
    ['{"error":{"code":2,"msg":"refused"},"id":1}', '{"code":2,"msg":"refused","id":1}'],
)
def test_a_refused_subscription_is_tried_again_on_a_new_connection(refusal: str) -> None:
    """On the old one ccxt would wait for ever, without subscribing again."""

    async def run() -> None:
        async with setting() as place, running(place, place.source(("quote",))):
            await place.until(lambda: place.told.ids("quote"))
            before = place.server._connections
            place.client("bookTicker").write([refusal])
            await place.until(lambda: place.told.losses)
            await place.until(lambda: place.server._connections > before)
            seen = len(place.told.ticks)
            await place.until(lambda: len(place.told.ticks) > seen)

    asyncio.run(run())


def test_an_exchange_that_goes_and_comes_back_is_found_again_and_the_loop_never_freezes() -> None:
    async def run() -> None:
        async with setting() as place, running(place, place.source(("quote",))):
            await place.until(lambda: place.told.ids("quote"))
            await place.server.stop()
            with heartbeat() as beats:
                longest, last = 0, beats()
                for _ in range(150):
                    await asyncio.sleep(0.02)
                    now = beats()
                    longest, last = max(longest, now - last), now
            assert longest < 50  # a second
            assert len(place.told.losses) <= 12  # back-off: not a storm of tries
            await place.until(lambda: len(place.told.losses) >= 2)
            place.server = ExchangeServer(GeneratedMarket(Clock(), rate=50), Clock())
            await place.server.start(place.port)
            seen = len(place.told.ticks)
            await place.until(lambda: len(place.told.ticks) > seen, 60)

    asyncio.run(run())


def test_the_back_off_resets_with_data_and_not_with_a_connection() -> None:
    async def run() -> None:
        async with setting() as place:
            source = place.source(("quote",))
            async with running(place, source):
                await place.until(lambda: place.told.ids("quote"))
                assert source._backoff["quote"]._tries == 0
                for _ in range(3):
                    losses = len(place.told.losses)
                    source.reconnect("quote", "because")
                    await place.until(lambda n=losses: len(place.told.losses) > n)
                    assert source._backoff["quote"]._tries >= 1
                    seen = len(place.told.ticks)
                    await place.until(lambda n=seen: len(place.told.ticks) > n)
                    assert source._backoff["quote"]._tries == 0

    asyncio.run(run())


def test_every_event_that_a_reconnect_missed_lies_in_a_gap_that_is_told() -> None:
    """What a dropped connection still yields must not pass for the end of the hole."""

    async def run() -> None:
        async with setting(rate=2000) as place:
            source = place.source(("quote", "trade"))
            session = Session(("quote", "trade"), 0, source.self_checked)
            holes: dict[str, dict[Any, Any]] = {"quote": {}, "trade": {}}
            take, lose = place.told.event, place.told.lost

            def event(tick: Tick) -> None:
                gap = session.event(tick.channel, tick.id, tick.received_ns)
                if gap is not None:
                    holes[gap.channel][gap.from_id] = gap.to_id
                take(tick)

            def lost(channel: str, reason: str, *, waits: bool = False) -> None:
                session.lost(channel, reason, 0, waits=waits)
                lose(channel, reason, waits=waits)

            place.told.event, place.told.lost = event, lost  # type: ignore[method-assign]
            async with running(place, source):
                for _ in range(8):
                    seen = len(place.told.ids("quote"))
                    await place.until(lambda n=seen: len(place.told.ids("quote")) > n + 100)
                    source.reconnect("trade", "because")
                    await asyncio.sleep(0.1)
                seen = len(place.told.ids("quote"))
                await place.until(lambda n=seen: len(place.told.ids("quote")) > n + 100)
        holes["trade"] = {start: end for _, start, end, _ in place.told.holes}
        quotes = place.told.ids("quote")
        assert len(holes["quote"]) >= 3  # a try to reconnect what is being reconnected does nothing
        where = {u: index for index, u in enumerate(place.sent)}
        for one, following in pairwise(quotes):
            missing = where[following] - where[one] - 1
            assert missing >= 0
            if holes["quote"].get(one) != following:
                assert not missing, f"{missing} quotes are missing and in no gap"
        for one, following in pairwise(place.told.ids("trade")):
            if holes["trade"].get(one) != following:
                assert following == one + 1, f"trades {one} to {following}, and no gap told"

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
def test_what_a_connection_yields_after_it_was_given_up_is_part_of_the_hole(
    late: dict[str, Any],
) -> None:
    async def run() -> None:
        channel = "trade" if late["e"] == "trade" else "quote"
        async with setting() as place:
            source = place.source((channel,))
            async with running(place, source):
                await place.until(lambda: place.told.ids(channel))
                given_up = source._taps[channel].client
                source.reconnect(channel, "because")
                await place.until(lambda: place.told.losses)
                given_up.on_message_callback(given_up, late)
                seen = len(place.told.ids(channel))
                await place.until(lambda: len(place.told.ids(channel)) > seen)
                assert 7 not in place.told.ids(channel)

    asyncio.run(run())


def test_an_answer_that_ccxt_can_not_read_passes_with_the_next_one() -> None:
    """Ccxt keeps the first answer of load_markets, also one that it took for no markets."""

    async def run() -> None:
        async with setting() as place:
            source = place.source()
            pages = place.server._rest._pages
            right = pages["exchangeInfo"]
            for wrong in ({}, [1]):
                pages["exchangeInfo"] = lambda _, answer=wrong: answer
                with pytest.raises(SourceError):
                    await source.prepare()
            pages["exchangeInfo"] = right
            await source.prepare()
            await source.close()

    asyncio.run(run())


def test_a_fill_at_no_price_is_no_trade_and_no_hole() -> None:
    async def run() -> None:
        async with setting(rate=0.001) as place, running(place, place.source(("trade",))):
            await place.until(lambda: place.knows("btcusdt@trade"))
            place.client("btcusdt@trade").write(
                [trade_frame(1), trade_frame(2, price="0"), trade_frame(3)]
            )
            await place.until(lambda: 3 in place.told.ids("trade"))
            assert place.told.ids("trade") == [1, 3]
            assert (place.told.holes, place.told.rejections) == ([], [])

    asyncio.run(run())


def test_an_unknown_symbol_is_final_and_names_what_is_close() -> None:
    async def run() -> None:
        async with setting() as place:
            source = place.source(symbol="BTX/USDT:USDT")
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
def test_a_key_is_checked_before_anything_is_subscribed_to(
    credentials: tuple[str, str], refused: str | None
) -> None:
    async def run() -> None:
        async with setting() as place:
            source = place.source(credentials=credentials)
            if refused is None:
                await source.prepare()
            else:
                with pytest.raises(CredentialsError, match=f"{refused}.*unset it") as caught:
                    await source.prepare()
                assert credentials[1] not in str(caught.value)
            await source.close()

    asyncio.run(run())


def test_an_exchange_that_is_away_is_not_final() -> None:
    async def run() -> None:
        source = CcxtSource(
            "binanceusdm", "BTC/USDT:USDT", ("quote",), endpoint="http://127.0.0.1:9"
        )
        with pytest.raises(SourceError, match="ExchangeNotAvailable"):
            await source.prepare()
        await source.close()

    asyncio.run(run())


def test_what_is_no_exchange_and_what_an_exchange_has_not_are_final() -> None:
    with pytest.raises(ConfigError, match="is it binanceusdm"):
        CcxtSource("binanceusd", "BTC/USDT", ("quote",))

    async def run() -> None:
        source = CcxtSource("bitfinex", "BTC/USDT", ("quote",), endpoint="http://127.0.0.1:9")
        with pytest.raises(
            ConfigError,
            match=r"has no quote of BTC/USDT in ccxt.pro; it has ticker, trade, book, candle",
        ):
            await source.prepare()
        await source.close()

    asyncio.run(run())


def test_trades_that_a_reconnect_missed_are_asked_for_and_come_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trade_keeper, "FILL_WITHIN_S", 45.0)

    async def run() -> None:
        async with setting(rate=200) as place, running(place, place.source(("trade",))):
            await place.until(lambda: len(place.told.ids("trade")) > 20)

            def backfilled() -> bool:
                return any(hasattr(tick, "backfilled") for tick in place.told.ticks)

            for _ in range(20):  # a connection may be back before anything was traded
                if backfilled():
                    break
                await place.until(lambda: place.knows("btcusdt@trade"))
                seen = len(place.told.ids("trade"))
                place.client("btcusdt@trade").abort()
                await place.until(lambda n=seen: len(place.told.ids("trade")) > n)
            assert backfilled()
            seen = len(place.told.ids("trade"))
            await place.until(lambda: len(place.told.ids("trade")) > seen + 20)
            ids = place.told.ids("trade")
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert place.told.losses
            assert place.told.holes == []

    asyncio.run(run())


def test_trades_that_nobody_has_are_a_gap_with_its_range() -> None:
    async def run() -> None:
        async with setting(rate=0.001) as place, running(place, place.source(("trade",))):
            await place.until(lambda: place.knows("btcusdt@trade"))
            place.client("btcusdt@trade").write([trade_frame(1), trade_frame(4), trade_frame(5)])
            await place.until(lambda: 5 in place.told.ids("trade"))
            assert place.told.ids("trade") == [1, 4, 5]
            ((channel, from_id, to_id, reason),) = place.told.holes
            assert (channel, from_id, to_id) == ("trade", 1, 4)
            assert "ids jump" in reason

    asyncio.run(run())


def test_a_depth_update_that_is_lost_is_told_and_the_next_book_is_of_a_new_snapshot() -> None:
    """In ccxt alone some of these chains pass without a word."""

    async def run() -> None:
        async with setting(rate=200) as place, running(place, place.source(("book",))):
            await place.until(lambda: len(place.told.ids("book")) > 3)
            client = place.client("@depth")
            send, lost = client.send, []

            def lose_one(messages: Sequence[Message]) -> None:
                if not lost:
                    lost.extend(message.id for message in messages)
                    return
                send(messages)

            client.send = lose_one  # type: ignore[method-assign]
            await place.until(lambda: place.told.holes)
            (channel, from_id, to_id, _) = place.told.holes[0]
            assert channel == "book"
            assert from_id < lost[0] < to_id
            assert (from_id, to_id) in pairwise(place.told.ids("book"))
            assert place.told.resyncs[0][0] == "book"
            seen = len(place.told.ids("book"))
            await place.until(lambda: len(place.told.ids("book")) > seen + 3)
            assert place.told.losses == []

    asyncio.run(run())


def test_a_book_takes_no_update_of_another_symbol() -> None:
    async def run() -> None:
        async with setting(rate=50) as place, running(place, place.source(("book",))):
            await place.until(lambda: place.told.ids("book"))
            u = place.told.ids("book")[-1] + 10**9
            other = {"e": "depthUpdate", "E": 1, "s": "ETHUSDT", "U": u, "u": u, "pu": u - 1,
                     "b": [["1.0", "7"]], "a": []}  # fmt: skip
            place.client("@depth").write([json.dumps(other)])
            await place.until(lambda: place.told.rejections)
            assert "ETHUSDT instead of BTCUSDT" in place.told.rejections[0][1]
            seen = len(place.told.ids("book"))
            await place.until(lambda: len(place.told.ids("book")) > seen + 3)
            assert u not in place.told.ids("book")
            assert (place.told.holes, place.told.resyncs) == ([], [])

    asyncio.run(run())


def test_a_ticker_of_bybit_that_begins_without_its_snapshot_is_connected_anew() -> None:
    """Ccxt would make a ticker of the few fields that changed and of what it knew before."""

    async def run() -> None:
        async with setting(rate=100) as place:
            place.server._director.add(Fault(fault="no_snapshot", streams=("tickers",)))
            source = CcxtSource("bybit", "BTC/USDT:USDT", ("ticker",),
                                endpoint=f"http://127.0.0.1:{place.port}")  # fmt: skip
            async with running(place, source):
                await place.until(lambda: len(place.told.ticks) > 3)
                assert place.told.losses == [("ticker", "the ticker began without its snapshot")]
                assert all(tick.last and tick.volume for tick in place.told.ticks)  # type: ignore[union-attr]

    asyncio.run(run())


def test_a_lost_delta_of_bybit_is_told_and_the_topic_is_subscribed_to_anew() -> None:
    async def run() -> None:
        async with setting(rate=200) as place:
            source = CcxtSource("bybit", "BTC/USDT:USDT", ("quote", "book"),
                                endpoint=f"http://127.0.0.1:{place.port}")  # fmt: skip
            async with running(place, source):
                await place.until(lambda: len(place.told.ids("book")) > 3)
                client = next(iter(place.server._open))
                send, lost = client.send, []

                def lose_one(messages: Sequence[Message]) -> None:
                    kept = [m for m in messages if lost or not m.stream.startswith("orderbook.50")]
                    lost.extend(m.id for m in messages if m not in kept)
                    if kept:
                        send(kept)

                client.send = lose_one  # type: ignore[method-assign]
                await place.until(lambda: place.told.holes)
                (channel, from_id, to_id, _) = place.told.holes[0]
                assert (channel, from_id) == ("book", lost[0] - 1)
                assert to_id in place.told.ids("book")
                seen = len(place.told.ids("book"))
                await place.until(lambda: len(place.told.ids("book")) > seen + 3)
                assert place.told.losses == []

    asyncio.run(run())

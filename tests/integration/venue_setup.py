"""A feed of one market on a played recording: the exchange, a source and the feed's core.

The recording is played step by step: each stream sends what the test grants it. What should be
published follows from the recording by the venue's `played.py`, which knows none of its parsers.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import structlog
from conftest import DATA

from feedd.clock import Clock
from feedd.config.faults import Fault
from feedd.embedded.played.market import PlayedMarket
from feedd.embedded.played.recording import PlayedRecording
from feedd.embedded.played.served import played_market
from feedd.embedded.server import ExchangeServer
from feedd.feed.core import FeedCore
from feedd.feed.ticker import TickerMaker
from feedd.model import Book, Status
from feedd.sources.ccxt.exchange_class import has
from feedd.sources.ccxt.plan import lacking
from feedd.sources.ccxt.source import CcxtSource
from feedd.sources.native.source import NativeSource
from feedd.venues.played import Depth, Event, MarketState, Quote, Ticker, Trade, channel_of
from feedd.venues.registry import venue

SOURCES = {"ccxt": CcxtSource, "native": NativeSource}
DEPTH = 20  # levels that are published
WHOLE = 1_000_000
QUIET_TURNS = 25  # of the loop, in which nothing is published
Top = tuple[list[tuple[float, float]], list[tuple[float, float]]]


@cache
def recording_of(path: Path) -> PlayedRecording:
    return PlayedRecording(path)


def recordings() -> list[Path]:
    """Return the recordings of venues; none where the data are missing."""
    return sorted(path for path in (DATA / "venues").glob("*") if path.is_file())


class Expected:
    """What is to be published of one market, by its events in their order."""

    def __init__(self, recording: PlayedRecording, symbol: str) -> None:
        self.market = recording.market(symbol)
        self.events: dict[str, list[Event]] = {}
        self.books: list[tuple[int, Top, int | None]] = []  # id, levels, ms
        self.frames: Counter[str] = Counter()  # by channel
        self.trades_after = [0]  # by the number of frames
        book = venue(recording.name, symbol).book
        depth = DEPTH if book is None else book.depth(DEPTH)
        state = MarketState(self.market)
        for batch in recording.batches(self.market.id):
            self.frames.update({channel_of(event) for event in batch.events})
            if any(isinstance(event, Trade) for event in batch.events):
                self.trades_after.append(
                    self.trades_after[-1] + sum(isinstance(one, Trade) for one in batch.events)
                )
            for event in map(state.apply, batch.events):
                self.events.setdefault(channel_of(event), []).append(event)
                if isinstance(event, Depth):
                    self.books.append((event.last, top(state, depth), event.time_ms))

    def quotes(self, made_from: str | None) -> list[tuple[float | None, ...]]:
        """Return bids and asks with their sizes, without repetitions."""
        if made_from == "book":
            tops = [
                (b[:1] or [(None, None)], a[:1] or [(None, None)]) for _, (b, a), _ in self.books
            ]
            return unrepeated([(*bids[0], *asks[0]) for bids, asks in tops])
        quotes = (one for one in self.events.get("quote", ()) if isinstance(one, Quote))
        return [
            (_float(one.bid), _float(one.bid_size), _float(one.ask), _float(one.ask_size))
            for one in quotes
        ]


class Steps:
    """Pace of a played market: each stream waits until the test grants its next frames."""

    def __init__(self) -> None:
        self.granted: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def grant(self, channel: str, frames: int = 1) -> None:
        self.granted[channel] += frames
        self._changed.set()

    async def __call__(self, channel: str, _market: str, _events: Sequence[Event]) -> None:
        while self.granted[channel] <= self.sent[channel]:
            self._changed.clear()
            await self._changed.wait()
        self.sent[channel] += 1
        if self.sent[channel] % 20 == 0:
            await asyncio.sleep(0.001)  # a burst as long as the source's buffers


class PlayedFeed:
    """A source on a played market, and everything that its feed published."""

    def __init__(
        self, kind: str, recording: PlayedRecording, symbol: str, channels: Sequence[str],
        **options: Any,
    ) -> None:  # fmt: skip
        self.expected = Expected(recording, symbol)
        self.symbol, self.channels = symbol, tuple(channels)
        self.exchange = recording.name
        self.steps = Steps()
        self.market = PlayedMarket({symbol: recording}, pace=self.steps)
        self.server = ExchangeServer([played_market(self.market)], Clock())
        self.ticks: list[tuple[float, Any]] = []
        self.statuses: list[tuple[float, Status]] = []
        self._kind = kind
        self._options = options  # of the source
        self.source: Any = None
        self.core: Any = None

    async def start(self) -> None:
        port = await self.server.start(0)
        self.source = SOURCES[self._kind](
            self.exchange, self.symbol, self.channels, book_depth=DEPTH,
            endpoint=f"http://127.0.0.1:{port}/{self.exchange}", **self._options,
        )  # fmt: skip
        self.core = FeedCore(
            exchange=self.exchange, symbol=self.symbol, session_number=1, channels=self.channels,
            source_channels=self.channels, self_checked=self.source.self_checked,
            ticker_maker=TickerMaker("ticker", WHOLE) if "ticker" in self.channels else None,
            output=self, clock=Clock(), log=structlog.get_logger(), checked=self.source.checked,
            quote_from=self.source.quote_from,
        )  # fmt: skip
        await self.source.prepare()
        self.core.start()

    # --- the core's output ---

    def publish(self, event: Any) -> None:
        copy, now_s = msgspec.structs.replace(event), time.monotonic()
        if isinstance(copy, Status):
            self.statuses.append((now_s, copy))
        else:
            self.ticks.append((now_s, copy))

    def hold(self) -> None: ...

    def release(self) -> None: ...

    # --- what was published ---

    def of(self, channel: str) -> list[Any]:
        return [tick for _, tick in self.ticks if tick.channel == channel]

    def state(self, channel: str) -> str:
        return self.statuses[-1][1].channels[channel].state

    def troubles(self, channel: str, since_s: float) -> list[tuple[float, str]]:
        """Return the reports since a time that a channel has a gap, or is not live."""
        found = []
        for at_s, status in self.statuses:
            if at_s < since_s:
                continue
            if status.gap is not None and status.gap.channel == channel:
                found.append((at_s, f"gap: {status.gap.reason}"))
            one = status.channels[channel]
            if one.state not in {"live", "starting"}:
                found.append((at_s, f"{one.state}: {one.reason}"))
        return found

    def carrier(self, channel: str) -> str:
        """Return the channel whose stream carries a channel's events."""
        if channel == "quote" and self.source.quote_from in {"book", "ticker"}:
            return str(self.source.quote_from)
        return channel

    def stream(self, channel: str) -> str:
        return self.market.stream_name(self.carrier(channel), self.expected.market.id)

    def fault(self, name: str, channel: str, **more: Any) -> None:
        """Apply a fault to a channel's stream, or to all ("")."""
        streams = (self.stream(channel),) if channel else ()
        self.server._director.add(Fault(fault=name, streams=streams, **more))  # type: ignore[arg-type]

    def fired(self, name: str = "") -> int:
        """Return how often a fault, or any, has happened."""
        registry = self.server._director.faults.as_json(0)
        found = [one for those in registry.values() for one in those]
        return sum(one["fired"] for one in found if name in {"", one["fault"]})

    def carries(self, channel: str) -> bool:
        """Return whether an open connection carries a channel's stream."""
        name = self.stream(channel)
        return any(name in client.streams for client in self.server.clients() if client.reachable)

    def left(self, channel: str) -> int:
        """Return how many frames of a channel's stream have not been sent."""
        return self.expected.frames[channel] - self.steps.sent[channel]

    @property
    def sent_trades(self) -> list[Any]:
        """The trades that the exchange has sent so far."""
        return self.expected.events["trade"][: self.expected.trades_after[self.steps.sent["trade"]]]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
        """Wait for a condition; return whether it came."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline_s:
                return False
            await asyncio.sleep(0.005)
        return True

    async def played(self) -> None:
        """Send all that is left, and wait until nothing more is published of it."""
        for channel in {self.carrier(one) for one in self.channels}:
            self.steps.grant(channel, WHOLE)
        carriers = {self.carrier(one) for one in self.channels}
        await self.until(lambda: all(self.left(one) <= 0 for one in carriers))
        count, quiet = -1, 0
        while quiet < QUIET_TURNS:
            quiet = quiet + 1 if len(self.ticks) == count else 0
            count = len(self.ticks)
            await asyncio.sleep(0.01)

    async def begin(self) -> None:
        """Send the first frames of every stream, until each channel is served and its book live."""
        streams = {self.stream(channel) for channel in self.channels}
        assert await self.until(lambda: streams <= self.market._timelines.keys(), 20), (
            f"not all of {streams} were subscribed to: {sorted(self.market._timelines)}; "
            f"{self.statuses[-1][1].channels}"
        )
        for channel in {self.carrier(one) for one in self.channels}:
            self.steps.grant(channel)
        if "book" in self.channels:
            if not await self.until(lambda: bool(self.of("book")), 0.3):
                self.steps.grant("book")  # a snapshot is requested after the first update
            assert await self.until(lambda: bool(self.of("book")), 8), self.statuses[-1][1].channels
        await self.until(lambda: all(map(self.of, self.channels)), 1.0)  # else nothing precedes


@asynccontextmanager
async def played_feed(
    kind: str, recording: PlayedRecording, symbol: str, channels: Sequence[str], **options: Any
) -> AsyncIterator[PlayedFeed]:
    feed = PlayedFeed(kind, recording, symbol, channels, **options)
    tasks: list[asyncio.Task[Any]] = []
    try:
        await feed.start()
        tasks = [asyncio.create_task(feed.source.run(feed.core)), asyncio.create_task(_beats(feed))]
        yield feed
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if feed.source is not None:
            await feed.source.close()
        await feed.server.stop()


async def _beats(feed: PlayedFeed) -> None:
    while True:
        await asyncio.sleep(0.5)
        for one in feed.core.overdue(feed.source.activity):
            feed.source.renew(one.channel, one.reason, one.flowing)
        feed.core.heartbeat()


def served_channels(recording: PlayedRecording, symbol: str) -> list[str]:
    """Return the channels of a market that the recording holds and feedd serves."""
    held = set(recording.channels[recording.market(symbol).id])
    described = venue(recording.name, symbol)
    _, served = lacking(has(recording.name), symbol, (), described)
    if "book" in held and described.quote_from == "book":
        held.add("quote")
    return [channel for channel in served if channel in held and channel not in described.needs_key]


def top(state: MarketState, depth: int) -> Top:
    book = state.book
    return (
        [(float(price), float(size)) for price, size in book.bids(depth)],
        [(float(price), float(size)) for price, size in book.asks(depth)],
    )


def shown(book: Book) -> Top:
    return [tuple(level) for level in book.bids], [tuple(level) for level in book.asks]  # type: ignore[misc]


def unrepeated(values: list[Any]) -> list[Any]:
    """Return the values without those that equal the one before."""
    return [value for index, value in enumerate(values) if not index or value != values[index - 1]]


def trade_values(trade: Any) -> tuple[Any, ...]:
    """Return what a trade's truth and its publication must have equal."""
    if isinstance(trade, Trade):
        return trade.id, trade.time_ms, float(trade.price), float(trade.size), trade.side
    id_ = None if trade.id is None else str(trade.id)
    return id_, trade.timestamp, trade.price, trade.size, trade.side


def ticker_values(ticker: Any) -> dict[str, Any]:
    """Return what a ticker's truth and its publication must have equal."""
    names = ("last", "high", "low", "volume", "bid", "ask")
    if isinstance(ticker, Ticker):
        values = {name: _float(getattr(ticker, name)) for name in names}
        change, at_ms = _float(ticker.change_percent), ticker.time_ms
    else:
        values = {name: getattr(ticker, name) for name in names}
        change, at_ms = ticker.change_percent, ticker.timestamp
    # Computed from two prices where the venue does not send it.
    return {**values, "change": None if change is None else round(change, 6), "ms": at_ms}


def _float(text: str | None) -> float | None:
    return None if text is None else float(text)

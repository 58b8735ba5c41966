"""Recordings of a venue that has a `played.py`, whose reader makes neutral events of the messages.

The rules are those of `feedd.recordings.importing.symbol`: a book begins with a whole one in the
file, and after a missing update with the next; a trade is imported once.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from feedd.channels import CHANNEL_NAMES
from feedd.embedded.played.recording import MALFORMED, PlayedRecording, held_exchange
from feedd.errors import ConfigError
from feedd.feed.ticker import TOP_STALE_AFTER_NS, TickerMaker
from feedd.model import Book
from feedd.numbers import exchange_id
from feedd.recordings.importing.files import wrong
from feedd.venues import ticks
from feedd.venues.checks import checks
from feedd.venues.played import Depth, Quote, Ticker, Trade, TrueBook
from feedd.venues.registry import venue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.imported_feed import ImportedFeed, ImportedFeeds
    from feedd.recordings.importing.symbol_names import SymbolNames
    from feedd.venues.played import Event, Market

IDS_KEPT = 100_000  # of trades, to find those that come again
MISSING = "an update of the book is missing in the file"


def is_played_file(path: InputFile) -> bool:
    """Return whether a file is of a venue that has a `played.py`; raises ConfigError."""
    return not path.member and held_exchange(path.path) is not None


class PlayedFile:
    """One file; the interface is that of `MarketFile`.

    Raises ConfigError for a line that can't be parsed, and for a symbol that the file lacks.
    """

    def __init__(
        self, path: InputFile, exchange: str | None, names: SymbolNames, *, book_depth: int = 20
    ) -> None:
        self.path = path
        self._recording = recording = PlayedRecording(path.path)
        self.exchange = recording.name
        if exchange not in {None, self.exchange}:
            raise ConfigError(
                f"{path}: is a recording of {self.exchange}, not of {exchange}; give --exchange "
                f"{self.exchange}"
            )
        self._book_depth = book_depth
        self.left_out: Counter[str] = Counter()
        self.lines = recording.lines
        self.begun_ns = recording.start_ns
        self._markets = {one.id: (one, symbol) for one, symbol in self._chosen(names)}

    @property
    def announcement(self) -> str:
        """Description of what the file was recognised as."""
        held = set().union(*(self._recording.channels[id_] for id_ in self._markets))
        channels = ", ".join(name for name in CHANNEL_NAMES if name in held)
        symbols = ", ".join(symbol for _, symbol in self._markets.values())
        return (
            f"{self.path}: raw messages of {self.exchange}, times of receipt: "
            f"{self._recording.unit}; {symbols}; {channels}; {self.lines:,} lines"
        )

    def steps(self, feeds: ImportedFeeds) -> Iterator[int]:
        """Yield the time of each line with events, in ns, before it is converted."""
        yield self.begun_ns
        started = {id_: self._start(id_, feeds) for id_ in self._markets}
        for batch in self._recording.batches():
            if batch.market not in started:
                for event in batch.events:
                    self.left_out[f"{event.market} (not chosen by --symbol)"] += 1
                continue
            yield batch.at_ns
            symbol = started[batch.market]
            symbol.feed.at(batch.at_ns)
            try:
                for event in batch.events:
                    symbol.take(event, batch.at_ns)
            except MALFORMED as error:
                raise wrong(
                    self.path, batch.number, batch.market,
                    f"the message can't be parsed: {error}. Remove the line",
                ) from None  # fmt: skip
        for symbol in started.values():
            feeds.stop(
                self.exchange, symbol.name, symbol.feed, self._recording.end_ns, "the file ends"
            )
            self.left_out += symbol.left_out

    def _chosen(self, names: SymbolNames) -> Iterator[tuple[Market, str]]:
        """Yield the markets to import with their symbols: all, or the one given with --symbol."""
        markets = self._recording.markets
        only = names.only
        if only is not None and only not in markets and len(markets) > 1:
            raise ConfigError(
                f"{self.path}: does not hold {only}; it holds {', '.join(sorted(markets))} of "
                f"{self.exchange}"
            )
        for market in markets.values():
            given = names.given(market.id, self.exchange, single=False)
            if given is None and only is not None and (market.symbol == only or len(markets) == 1):
                given = names.given("", self.exchange, single=True)
            if given is not None or only is None:
                yield market, given or market.symbol

    def _start(self, id_: str, feeds: ImportedFeeds) -> _Symbol:
        _, name = self._markets[id_]
        held = self._recording.channels[id_]
        channels = tuple(channel for channel in CHANNEL_NAMES if channel in held)
        feed = feeds.start(
            self.path, self.exchange, name, channels, self.begun_ns,
            TickerMaker("ticker", TOP_STALE_AFTER_NS) if "ticker" in held else None,
            checked=checks(venue(self.exchange, name)),
        )  # fmt: skip
        return _Symbol(feed, self.exchange, name, self._book_depth)


class _Symbol:
    """Converter of one symbol's events."""

    def __init__(self, feed: ImportedFeed, exchange: str, name: str, depth: int) -> None:
        self.feed = feed
        self.name = name
        self.left_out: Counter[str] = Counter()
        self._exchange = exchange
        self._depth = depth
        self._book = TrueBook()
        self._synced = False
        self._gap: tuple[int, str] | None = None  # the newest published id, and why it ended
        self._ids: dict[str, None] = {}
        self._order: deque[str] = deque()

    def take(self, event: Event, now_ns: int) -> None:
        """Publish an event."""
        where: tuple[str, str, int] = (self._exchange, self.name, now_ns)
        if isinstance(event, Depth):
            self._on_depth(event, now_ns)
        elif isinstance(event, Trade):
            if self._is_new(event.id):
                self.feed.event(
                    ticks.trade(
                        *where, id=_id(event.id), timestamp=event.time_ms, price_=event.price,
                        size_=event.size, taker=event.side,
                    )
                )  # fmt: skip
        elif isinstance(event, Quote):
            self.feed.event(
                ticks.quote(
                    *where, id=_id(event.id), timestamp=event.time_ms, bid=event.bid,
                    bid_size=event.bid_size, ask=event.ask, ask_size=event.ask_size,
                )
            )  # fmt: skip
        elif isinstance(event, Ticker):
            change = event.change_percent
            self.feed.event(
                ticks.ticker(
                    *where, timestamp=event.time_ms, last=event.last, volume=event.volume,
                    high=event.high, low=event.low, bid=event.bid, ask=event.ask,
                    change_percent=None if change is None else float(change),
                )
            )  # fmt: skip

    def _is_new(self, id_: str | None) -> bool:
        if id_ is None:
            return True
        if id_ in self._ids:
            self.left_out["trade received twice"] += 1
            return False
        self._ids[id_] = None
        self._order.append(id_)
        if len(self._order) > IDS_KEPT:
            del self._ids[self._order.popleft()]
        return True

    def _on_depth(self, event: Depth, now_ns: int) -> None:
        book, before = self._book, self._book.last
        if not event.whole and (not self._synced or event.before not in {0, before}):
            if self._synced:
                self._synced, self._gap = False, (before, MISSING)
                self.feed.resync("book", MISSING)
            self.left_out["depth update without a snapshot"] += 1
            return
        has_ids = bool(event.last)
        event = book.apply(event)
        bids, asks = _floats(book.bids(self._depth)), _floats(book.asks(self._depth))
        if bids and asks and bids[0][0] >= asks[0][0]:
            self._synced, self._gap = False, (before, "the book is crossed")
            self.feed.resync("book", "the book is crossed")
            return
        self._synced = True
        if self._gap is not None:
            from_id, reason = self._gap
            to_id = event.last if has_ids else None
            self.feed.missing("book", from_id if has_ids else None, to_id, reason)
            self._gap = None
        self.feed.event(
            Book(
                symbol=self.name, timestamp=event.time_ms, bids=bids, asks=asks,
                exchange=self._exchange, received_ns=now_ns, id=event.last if has_ids else None,
            )
        )  # fmt: skip


def _id(text: str | None) -> Any:
    return None if text is None else exchange_id(text)


def _floats(levels: list[tuple[str, str]]) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in levels]

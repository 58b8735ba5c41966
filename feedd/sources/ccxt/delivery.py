"""From ccxt's structures and raw messages to the events of one run of the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.merge.by_content import ContentMerge
from feedd.merge.by_id import Merge
from feedd.numbers import exchange_id
from feedd.sources.ccxt.converters import (
    to_book,
    to_candle,
    to_liquidation,
    to_mark,
    to_quote,
    to_ticker,
    to_trade,
)
from feedd.sources.ccxt.exchange_class import CACHED
from feedd.sources.error_texts import one_line
from feedd.sources.in_order import InOrder
from feedd.sources.merged_events import (
    DepthMessage,
    content_of,
    same_depth,
    same_quote,
    same_trade,
)
from feedd.sources.published_trades import PublishedTrades

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from feedd.model import EventId, Quote, Trade
    from feedd.sources.base import Backoff, Sink
    from feedd.sources.book_keeper import BookKeeper
    from feedd.sources.trade_keeper import TradeKeeper
    from feedd.venues.contract import Venue

# What a parser raises for a message that it can't parse.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError)

CANDLES_KNOWN = 20  # that may still change


class Delivery:
    """Converts what arrives for one symbol and passes it to the sink.

    `take` maps a channel to the function that takes ccxt's result, the raw message and the time of
    receipt, in ns. These functions raise UNREADABLE. `market_id` returns the venue's id;
    `book_failed` is invoked when ccxt's book can't be published. `carried` maps raw channels to
    those whose messages contain them. `merged` are raw channels that two connections may carry at
    once.
    """

    def __init__(
        self,
        exchange: str,
        symbol: str,
        venue: Venue,
        sink: Sink,
        *,
        market_id: Callable[[], str],
        backoff: dict[str, Backoff],
        books: BookKeeper | None,
        trades: TradeKeeper | None,
        book_depth: int,
        timeframe: str,
        book_failed: Callable[[str], None],
        carried: Mapping[str, str] | None = None,
        merged: Iterable[str] = (),
    ) -> None:
        self._id = exchange
        self._symbol = symbol
        self._venue = venue
        self._sink = sink
        self._market_id = market_id
        self._expected_id: Any = None  # of the market, once it is known
        self._backoff = backoff
        self._books = books
        self._trades = trades
        self._book_depth = book_depth
        self._timeframe = timeframe
        self._book_failed = book_failed
        self._quote_id_of = venue.quote_id
        self._last_quote: Quote | None = None
        self._order = InOrder(venue.grows, self._went_back)
        self._quotes_grow = "quote" in venue.grows
        self._published_trades = PublishedTrades()
        self._message: Any = None  # the last one of a trade without an id
        self._carried: dict[str, list[str]] = {}  # raw channels, by the one that contains them
        for name, carrier in (carried or {}).items():
            self._carried.setdefault(carrier, []).append(name)
        self._newest: dict[str, Any] = {}  # in ccxt's caches, by channel
        self._candles: dict[int, tuple[Any, ...]] = {}  # the newest ones taken, by open time
        self._publish: dict[str, Callable[[Any], None]] = {
            "ticker": self._publish_state,
            "quote": self._publish_quote,
            "trade": self._publish_new_trade if trades is None else self._publish_trade,
            "candle": self._publish_state,
            "mark": self._publish_state,
            "liquidation": sink.event,
        }
        self.merges: dict[str, Merge | ContentMerge] = {
            channel: self._merge(channel) for channel in merged
        }
        self.take: dict[str, Callable[[Any, Any, int], None]] = {
            "ticker": self._take_ticker,
            "quote": self._take_quote,
            "trade": self._take_trades,
            "book": self._take_book if books is None else _ignore,
            "candle": self._take_candles,
            "mark": self._take_mark,
            "liquidation": self._take_liquidations,
        }

    def take_raw(self, line: Any, channel: str, message: Any, received_ns: int) -> None:
        """Parse a raw message of a connection, a tap, and pass its events on; raises UNREADABLE."""
        venue, raw = self._venue, self._venue.raw_channels.get(channel)
        if raw is not None and raw.select is not None:
            message = raw.select(message, self._market_id())
            if message is None:  # all of it is of other markets
                self._sink.alive(channel)
                return
        elif venue.market_id_of is not None:
            expected, found = self._market_id(), venue.market_id_of(message)
            same = venue.is_same_market
            if found != expected and (same is None or not same(expected, found)):
                raise ValueError(f"a message of {found} instead of {expected}")
        self._backoff[channel].reset()
        if channel == "book":
            self._take_depth(line, message, received_ns)
        elif channel in self._venue.raw_channels:
            self._take_events(line, channel, message, received_ns)
        for name in self._carried.get(channel, ()):
            self._take_events(line, name, message, received_ns)

    def _check_market(self, found: Any) -> None:
        """Raise ValueError for a message of another market; ccxt's lookup is slow."""
        self._expected_id = expected = self._market_id()
        if found != expected:
            raise ValueError(f"a message of {found} instead of {expected}")

    def _take_depth(self, line: Any, message: Any, received_ns: int) -> None:
        book, books, merge = self._venue.book, self._books, self.merges.get("book")
        if book is None or books is None:
            return
        depth = book.parse(line.text if book.reads_text else message)
        if depth is None:
            self._sink.alive("book")
        elif merge is None:
            books.on_message(depth, received_ns, self._sink)
        else:
            before = depth.before  # type: ignore[union-attr]  # the stream has no snapshots
            event = DepthMessage(before, depth, received_ns)
            merge.take(line, depth.last, before, event)  # type: ignore[arg-type]

    def _take_events(self, line: Any, channel: str, message: Any, received_ns: int) -> None:
        raw, merge = self._venue.raw_channels[channel], self.merges.get(channel)
        parse = raw.parse if raw.make is None else line.parser(channel, raw.make)
        events = parse(message, self._id, self._symbol, received_ns, self._timeframe)
        by_content = channel == "trade" and merge is None and self._venue.trades is None
        if by_content and self._doubles(events, message):
            self._sink.alive(channel)
            return
        for event in events:
            if merge is None:
                self._publish[channel](event)
            elif isinstance(merge, ContentMerge):
                content, timestamp = content_of(event)
                merge.take(line, content, (timestamp,), event)
            elif channel == "trade":
                merge.take(line, event[0], event[0] - 1, event)
            else:
                merge.take(line, event.id, None, event)

    def _publish_trade(self, numbered: tuple[int | None, Trade | None]) -> None:
        number, trade = numbered
        if number is None:  # the message lacks it: the trade's place is not known
            self._publish_new_trade(trade)  # type: ignore[arg-type]  # such a trade is never None
        elif self._trades is not None:
            self._trades.take(number, trade, self._sink)

    def _publish_book(self, depth: DepthMessage) -> None:
        if self._books is not None:
            self._books.on_message(depth.joined(), depth.received_ns, self._sink)

    def _merge(self, channel: str) -> Merge | ContentMerge:
        def missing(from_id: Any, to_id: Any, reason: str) -> None:
            self._sink.missing(channel, from_id, to_id, reason)

        if channel == "book":
            return Merge(self._publish_book, missing, same_depth)
        publish = self._publish[channel]
        if channel == "trade" and self._trades is not None:
            return Merge(publish, missing, same_trade)
        if channel == "quote" and self._quote_id_of is not None:
            return Merge(publish, missing, same_quote)
        return ContentMerge(publish, missing)

    def skip(self, channel: str, result: Any) -> None:
        """Skip what a connection yields after it was given up.

        It belongs to the gap that the loss reports; published, it would be taken for the first
        event after that gap.
        """
        if channel in {"trade", "liquidation"}:
            self._newest[channel] = result[-1]  # the cache is one for all connections

    def reject(self, channels: list[str], error: Exception) -> str:
        """Report a message of one of these channels that can't be parsed; return the reason."""
        reason = one_line(f"{type(error).__name__}: {error}")
        if channels:
            self._sink.rejected(channels, reason)
        return f"a message could not be read: {reason}"

    def begin(self, channel: str) -> None:
        """Note that what follows comes from a new subscription."""
        for name in (channel, *self._carried.get(channel, ())):
            self._order.begin(name)
            if name == "quote":
                self._last_quote = None
            elif name == "trade":
                self._published_trades.reconnected()
                self._message = None

    def _went_back(self, channel: str, from_id: EventId, to_id: EventId) -> None:
        self._sink.missing(channel, from_id, to_id, "the ids or times went back")

    def _publish_state(self, event: Any) -> None:
        """Publish an event unless it is overtaken."""
        order = self._order
        if event.channel in order.keys and order.overtaken(event):
            self._sink.alive(event.channel)
        else:
            self._sink.event(event)

    def _publish_new_trade(self, trade: Trade) -> None:
        for new in self._published_trades.new([trade]):
            self._sink.event(new)

    def _take_ticker(self, parsed: dict[str, Any], _message: Any, received_ns: int) -> None:
        self._backoff["ticker"].reset()
        if self._symbol in parsed:  # of some exchanges: a map by symbol
            parsed = parsed[self._symbol]
        self._publish_state(to_ticker(parsed, self._id, self._symbol, received_ns))

    def _take_quote(self, parsed: dict[str, Any], message: Any, received_ns: int) -> None:
        if self._symbol in parsed:  # watch_bids_asks of other exchanges: a map by symbol
            parsed = parsed[self._symbol]
        self._backoff["quote"].reset()
        id_of = self._quote_id_of
        quote_id = None if id_of is None else exchange_id(id_of(message))
        self._publish_quote(to_quote(parsed, self._id, self._symbol, received_ns, quote_id))

    def _publish_quote(self, quote: Quote) -> None:
        """Publish a quote unless it is overtaken or repeated, as some venues do as a heartbeat."""
        last = self._last_quote
        repeats = quote.id is not None and last is not None and quote.id == last.id
        if repeats and last is not None and same_quote(quote, last):
            self._sink.alive("quote")
            return
        if self._quotes_grow and self._order.overtaken(quote):
            self._sink.alive("quote")
            return
        self._last_quote = quote
        self._sink.event(quote)

    def _take_trades(self, cache: Any, message: Any, received_ns: int) -> None:
        sink, keeper = self._sink, self._trades
        self._backoff["trade"].reset()
        new: list[Trade] = []
        for parsed in self._added("trade", cache):
            try:
                trade = to_trade(parsed, self._id, self._symbol, received_ns)
            except ValueError as error:
                self.reject(["trade"], error)  # a gap, then, that may be filled
                continue
            trade_id = exchange_id(parsed["id"])
            if keeper is not None and isinstance(trade_id, int):
                keeper.take(trade_id, trade, sink)
            elif trade is not None:
                new.append(trade)
        if self._doubles(new, message):
            return
        published = self._published_trades.new(new)
        for trade in published:
            sink.event(trade)
        if not published:
            sink.alive("trade")

    def _doubles(self, trades: Sequence[Trade], message: Any) -> bool:
        """Return whether a message of trades without ids repeats the one before."""
        if not trades or trades[0].id is not None:
            return False
        before, self._message = self._message, message
        return message is not None and message == before

    def _take_liquidations(self, cache: Any, _message: Any, received_ns: int) -> None:
        self._backoff["liquidation"].reset()
        for parsed in self._added("liquidation", cache):
            self._sink.event(to_liquidation(parsed, self._id, self._symbol, received_ns))

    def _take_candles(self, rows: Any, _message: Any, received_ns: int) -> None:
        """Take the candles of ccxt's that changed, or its newest where none did.

        A candle may close after the next one has begun.
        """
        self._backoff["candle"].reset()
        newest = {row[0]: tuple(row) for row in rows[-CANDLES_KNOWN:]}
        known = self._candles or dict(list(newest.items())[:-1])
        changed = [row for row in newest.values() if known.get(row[0]) != row]
        self._candles = newest
        for row in changed or [tuple(rows[-1])]:
            self._sink.event(
                to_candle(list(row), self._id, self._symbol, received_ns, self._timeframe)
            )

    def _take_mark(self, parsed: dict[str, Any], _message: Any, received_ns: int) -> None:
        if self._symbol in parsed:
            parsed = parsed[self._symbol]
        self._backoff["mark"].reset()
        self._publish_state(to_mark(parsed, self._id, self._symbol, received_ns))

    def _take_book(self, parsed: Any, _message: Any, received_ns: int) -> None:
        """Take ccxt's book, where the venue's checksum is all that is verified."""
        try:
            book = to_book(parsed, self._id, self._symbol, received_ns, self._book_depth)
        except ValueError as error:
            self._book_failed(str(error))
            return
        self._backoff["book"].reset()
        self._sink.event(book)

    def _added(self, channel: str, cache: Any) -> list[Any]:
        """Return the items that ccxt's cache gained since the last call, oldest first."""
        newest, new = self._newest.get(channel), []
        for item in reversed(cache):
            if item is newest:
                break
            new.append(item)
        else:
            if newest is not None and len(cache) >= CACHED:
                self._sink.rejected([channel], f"more than {CACHED} events in one message")
        if new:
            self._newest[channel] = new[0]
        return new[::-1]


def _ignore(_result: Any, _message: Any, _received_ns: int) -> None:
    """Ignore ccxt's book where feedd keeps its own."""

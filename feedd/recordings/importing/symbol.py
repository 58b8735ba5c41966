"""One symbol's raw messages, converted to events as its live worker would convert them.

The decoders and rules are those of the native source. The difference is that nothing can be
requested:

- a gap in the trades' ids waits as long as live, by the file's clock, and is then reported;
- a book needs a snapshot in the file, and after a mismatch the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from feedd.books.depth import Snapshot
from feedd.clock import NS_PER_S
from feedd.model import Quote
from feedd.recordings.importing.event_times import EventTimes
from feedd.sources.book_keeper import same_book, to_book
from feedd.sources.trade_keeper import DROPPED, FILL_WITHIN_S
from feedd.sources.trade_sequence import TradeSequence
from feedd.venues.native import native_market

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.books.depth import DepthRules, Update
    from feedd.model import Book
    from feedd.recordings.importing.imported_feed import ImportedFeed

_FILL_WITHIN_NS = int(FILL_WITHIN_S * NS_PER_S)


class Symbol:
    """Converter of one symbol's messages, in the order of the file, each with its time in ns."""

    def __init__(
        self,
        feed: ImportedFeed,
        exchange: str,
        symbol: str,
        market_id: str,
        *,
        book_depth: int,
        timeframe: str,
    ) -> None:
        self._feed = feed
        self._exchange = exchange
        self._symbol = symbol
        self._market_id = market_id
        market = native_market(exchange, symbol)
        book = market.book
        self._read = market.read
        self._now_ns = 0
        self._last_quote: Any = None
        self._trades = TradeSequence()
        self._hole_ns: int | None = None  # start of the time that trades are held back
        self._parse_snapshot = None if book is None else book.parse
        self._book = (
            None
            if book is None
            else _CheckedBook(book.rules(book_depth), book_depth, exchange, symbol, feed)
        )
        self._channels = market.channels
        self._checked: dict[str, Callable[[Any, bytes], None]] = {"quote": self._on_quote}
        if market.trades is not None:
            self._checked["trade"] = self._on_trade
        if book is not None:
            self._checked["book"] = self._on_depth
        self._convert = {
            name: channel.converter(exchange, symbol, timeframe)
            for name, channel in market.channels.items()
            if channel.converter is not None
        }
        self._times = {name: EventTimes() for name in market.channels}
        self._doubled_quotes = self._taken_trades = 0

    def take(self, channel: str, data: str, now_ns: int) -> None:
        """Convert a message of a channel's stream; raise `feedd.venues.native.UNREADABLE`."""
        self._at(now_ns)
        if channel not in self._channels:
            raise ValueError(f"{self._exchange} has no {channel} of {self._symbol}")
        payload = data.encode()
        message = self._read(payload)
        if type(message) not in self._channels[channel].messages:
            raise ValueError(f"it is a {type(message).__name__}, which is not of this stream")
        if message.market_id != self._market_id:
            raise ValueError(f"it is of {message.market_id}, in a stream of {self._market_id}")
        checked = self._checked.get(channel)
        if checked is not None:
            checked(message, payload)
        else:
            event = self._convert[channel](message, payload, now_ns).event
            self._times[channel].convert(event)
            self._feed.event(event)

    def take_snapshot(self, data: str, now_ns: int) -> None:
        """Apply a snapshot; raise `feedd.venues.native.UNREADABLE` for text that is not JSON."""
        self._at(now_ns)
        msgspec.json.decode(data, type=msgspec.Raw)
        if self._book is None or self._parse_snapshot is None:
            return
        try:
            snapshot = self._parse_snapshot(data.encode())
        except ValueError as error:
            self._book.reject_snapshot(str(error))
        else:
            self._book.take_snapshot(snapshot, now_ns)

    def finish(self, now_ns: int) -> None:
        """Publish the trades still held back at the end of the file."""
        self._at(now_ns)
        self._give_up("the file ends")

    def left_out(self) -> dict[str, int]:
        """Return the number of messages without an event, by description; call after `finish`."""
        published = self._feed.published.get("trade", 0)
        return {
            "quote with the id of the one before": self._doubled_quotes,
            "trade received twice or too late, or with price 0": self._taken_trades - published,
            "depth update without a snapshot": 0 if self._book is None else self._book.unsynced,
        }

    def _at(self, now_ns: int) -> None:
        self._now_ns = now_ns
        self._feed.at(now_ns)
        if self._hole_ns is not None and now_ns - self._hole_ns > _FILL_WITHIN_NS:
            self._give_up(f"not in the file within {FILL_WITHIN_S:.0f} s")

    def _on_quote(self, message: Any, _payload: bytes) -> None:
        last = self._last_quote
        if last is not None and message.id == last.id and _sides(message) == _sides(last):
            self._doubled_quotes += 1
            return
        self._last_quote = message
        timestamp = message.timestamp
        if timestamp is not None:
            timestamp = self._times["quote"].ms(timestamp)
        self._feed.event(
            Quote(
                self._symbol, timestamp, message.bid or None, message.bid_size,
                message.ask or None, message.ask_size, self._exchange, self._now_ns, 0, 0, 0,
                message.id,
            )
        )  # fmt: skip

    def _on_trade(self, message: Any, payload: bytes) -> None:
        self._taken_trades += 1
        trade_id, trade = self._convert["trade"](message, payload, self._now_ns)
        if trade is not None:
            self._times["trade"].convert(trade)
        sequence = self._trades
        for following in sequence.take(trade_id, trade):
            self._feed.event(following)
        for dropped in sequence.dropped:
            self._feed.missing("trade", dropped - 1, dropped + 1, DROPPED)
        sequence.dropped.clear()
        if sequence.ids_restarted:
            self._restart()
        if sequence.gap is None:
            self._hole_ns = None
        elif sequence.full:
            self._give_up("too many trades arrived meanwhile to hold back")
        elif self._hole_ns is None:
            self._hole_ns = self._now_ns

    def _give_up(self, why: str) -> None:
        self._hole_ns = None
        while (given_up := self._trades.give_up()) is not None:
            gap, trades = given_up
            reason = f"the exchange's ids jump; {why}"
            self._feed.missing("trade", gap.from_id, gap.to_id, reason)
            for trade in trades:
                self._feed.event(trade)

    def _restart(self) -> None:
        why = "the ids restarted"
        self._give_up(why)
        went_back, trades = self._trades.restart()
        self._feed.missing("trade", went_back.from_id, went_back.to_id, why)
        for trade in trades:
            self._feed.event(trade)

    def _on_depth(self, message: Any, payload: bytes) -> None:
        depth = self._convert["book"](message, payload, self._now_ns).event
        if self._book is not None:
            if isinstance(depth, Snapshot):
                self._book.take_snapshot(depth, self._now_ns, streamed=True)
            else:
                times = self._times["book"]
                depth = depth._replace(timestamp=times.ms(depth.timestamp))
                self._book.take_update(depth, self._now_ns)


def _sides(message: Any) -> tuple[float, ...]:
    return message.bid, message.bid_size, message.ask, message.ask_size


class _CheckedBook:
    """Publish verified books; `feedd.sources.book_keeper` without an event loop.

    An answer that is ahead of the book is kept: after a reconnect of the recorder it precedes the
    update that does not follow. The updates up to it decide whether it is needed.
    """

    def __init__(
        self, rules: DepthRules, depth: int, exchange: str, symbol: str, feed: ImportedFeed
    ) -> None:
        self._rules = rules
        self._depth = depth
        self._exchange = exchange
        self._symbol = symbol
        self._feed = feed
        self._published_id: int | None = None
        self._published: Book | None = None
        self._gap_reason: str | None = None  # reason of the gap before the next book
        self._ahead: Snapshot | None = None
        self.unsynced = 0  # updates received without a book

    def take_update(self, update: Update, now_ns: int) -> None:
        rules = self._rules
        was_synced = rules.synced
        gap = rules.on_update(update)
        if gap is not None:
            self._broken(gap.reason)
        elif was_synced and not rules.synced:
            self._broken("the market moved past the last level of the snapshot")
        ahead = self._ahead
        if ahead is not None and rules.needs_snapshot:
            self._ahead = None
            self._join(ahead)
        elif ahead is not None and update.last >= ahead.last:
            self._ahead = None
        if rules.synced:
            self._publish(now_ns)
        else:
            self.unsynced += 1

    def take_snapshot(self, snapshot: Snapshot, now_ns: int, *, streamed: bool = False) -> None:
        rules = self._rules
        if not streamed and not rules.needs_snapshot:
            if rules.last_id is not None and snapshot.last > rules.last_id:
                self._ahead = snapshot
            return
        was_synced = rules.synced
        self._join(snapshot)
        if rules.synced and not was_synced:
            self._publish(now_ns)

    def reject_snapshot(self, reason: str) -> None:
        """Report a snapshot that can't be parsed, if one is needed."""
        if self._rules.needs_snapshot:
            self._feed.resync("book", reason)

    def _join(self, snapshot: Snapshot) -> None:
        why = self._rules.on_snapshot(snapshot)
        if why is not None:
            self._feed.resync("book", why)

    def _broken(self, reason: str) -> None:
        if self._published_id is not None and self._gap_reason is None:
            self._gap_reason = reason
        self._feed.resync("book", reason)

    def _publish(self, now_ns: int) -> None:
        rules = self._rules
        book = to_book(rules, self._depth, self._exchange, self._symbol, now_ns)
        if same_book(book, self._published):
            return
        if self._gap_reason is not None:
            self._feed.missing("book", self._published_id, rules.last_id, self._gap_reason)
            self._gap_reason = None
        self._published_id, self._published = rules.last_id, book
        self._feed.event(book)

"""One symbol's raw messages of Binance, made into events as its live worker would make them.

By the same readers and rules as the native source; what differs is that nothing can be asked for:

- a hole in the trades' ids is waited for as long as live, by the file's clock, and then is a gap;
- a book needs an answer of GET depth in the file, and after a mismatch the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.books.diff import DiffBook
from feedd.clock import NS_PER_S
from feedd.model import Quote, Trade
from feedd.sources.book_keeper import to_book
from feedd.sources.trade_keeper import FILL_WITHIN_S
from feedd.sources.trade_sequence import TradeSequence
from feedd.venues.binance import messages, native
from feedd.venues.binance.book import to_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.recordings.importing.imported_feed import ImportedFeed

# What the readers raise for a message that is none.
UNREADABLE = (ValueError, ArithmeticError, LookupError, TypeError)  # msgspec's are ValueErrors

_FILL_WITHIN_NS = int(FILL_WITHIN_S * NS_PER_S)


class Symbol:
    """Takes one symbol's messages in the order of the file, each with its time in ns."""

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
        market = native.SPOT if exchange == "binance" else native.USDM
        self._read = market.decode
        self._now_ns = 0
        self._last_quote: int | None = None
        self._trades = TradeSequence()
        self._hole_ns: int | None = None  # since when trades are held back
        self._book = _WholeBook(DiffBook(book_depth), book_depth, exchange, symbol, feed)
        self._channels = market.channels
        self._checked: dict[str, Callable[[Any], None]] = {
            "quote": self._on_quote, "trade": self._on_trade, "book": self._on_depth,
        }  # fmt: skip
        self._convert = {
            name: channel.converter(exchange, symbol, timeframe)
            for name, channel in market.channels.items()
            if channel.converter is not None and name not in self._checked
        }
        self._doubled_quotes = self._taken_trades = 0

    def take(self, channel: str, data: str, now_ns: int) -> None:
        """Take a message of a channel's stream; raise one of UNREADABLE for what is none."""
        self._at(now_ns)
        if channel not in self._channels:
            raise ValueError(f"{self._exchange} has no {channel} of {self._symbol}")
        payload = data.encode()
        message = self._read(payload)
        if type(message) not in self._channels[channel].messages:
            raise ValueError(f"it is a {type(message).__name__}, which is none of the stream's")
        if message.market_id != self._market_id:
            raise ValueError(f"it is of {message.market_id}, and the stream is {self._market_id}'s")
        checked = self._checked.get(channel)
        if checked is not None:
            checked(message)
        else:
            self._feed.event(self._convert[channel](message, payload, now_ns).event)

    def take_snapshot(self, data: str, now_ns: int) -> None:
        """Take an answer of GET depth; raise one of UNREADABLE for what is none."""
        self._at(now_ns)
        self._book.take_snapshot(messages.read_anything(data), now_ns)

    def finish(self, now_ns: int) -> None:
        """Tell what is still held back: there is no more."""
        self._at(now_ns)
        self._give_up("the file ends")

    def left_out(self) -> dict[str, int]:
        """Return how many messages made no event, as live, by what they are; after `finish`."""
        published = self._feed.published.get("trade", 0)
        return {
            "bookTicker with the id of the one before": self._doubled_quotes,
            "trade that came twice or too late, or has price 0": self._taken_trades - published,
            "depth that no answer of GET depth makes a book of": self._book.unsynced,
        }

    def _at(self, now_ns: int) -> None:
        self._now_ns = now_ns
        self._feed.at(now_ns)
        if self._hole_ns is not None and now_ns - self._hole_ns > _FILL_WITHIN_NS:
            self._give_up(f"not in the file within {FILL_WITHIN_S:.0f} s")

    def _on_quote(self, message: Any) -> None:
        if message.id == self._last_quote:
            self._doubled_quotes += 1
            return
        self._last_quote = message.id
        self._feed.event(
            Quote(
                self._symbol, message.timestamp, message.bid or None, message.bid_size,
                message.ask or None, message.ask_size, self._exchange, self._now_ns, 0, 0, 0,
                message.id,
            )
        )  # fmt: skip

    def _on_trade(self, message: Any) -> None:
        """Take a trade; a fill at price 0 (the insurance fund's) is none, and no hole."""
        self._taken_trades += 1
        trade = None
        if message.p:
            if not message.q:
                raise ValueError(f"trade {message.t} has price {message.p} and size 0")
            trade = Trade(
                self._symbol, message.T, message.p, message.q, "sell" if message.m else "buy",
                self._exchange, self._now_ns, 0, 0, 0, message.t,
            )  # fmt: skip
        sequence = self._trades
        for following in sequence.take(message.t, trade):
            self._feed.event(following)
        if sequence.began_anew:
            self._begin_anew()
        if sequence.hole is None:
            self._hole_ns = None
        elif sequence.full:
            self._give_up("too many trades came meanwhile to hold back")
        elif self._hole_ns is None:
            self._hole_ns = self._now_ns

    def _give_up(self, why: str) -> None:
        self._hole_ns = None
        while (given_up := self._trades.give_up()) is not None:
            hole, trades = given_up
            reason = f"the exchange's ids jump; {why}"
            self._feed.missing("trade", hole.from_id, hole.to_id, reason)
            for trade in trades:
                self._feed.event(trade)

    def _begin_anew(self) -> None:
        why = "the ids began anew"
        self._give_up(why)
        went_back, trades = self._trades.restart()
        self._feed.missing("trade", went_back.from_id, went_back.to_id, why)
        for trade in trades:
            self._feed.event(trade)

    def _on_depth(self, message: Any) -> None:
        self._book.take_update(messages.to_update(message), self._now_ns)


class _WholeBook:
    """Books that the rules vouch for; `feedd.sources.book_keeper` without a loop."""

    def __init__(
        self, rules: DiffBook, depth: int, exchange: str, symbol: str, feed: ImportedFeed
    ) -> None:
        self._rules = rules
        self._depth = depth
        self._exchange = exchange
        self._symbol = symbol
        self._feed = feed
        self._told: int | None = None
        self._after: str | None = None  # why something is missing before the next book
        self.unsynced = 0  # updates that came while there was no book

    def take_update(self, update: Any, now_ns: int) -> None:
        rules = self._rules
        was_synced = rules.synced
        hole = rules.on_update(update)
        if hole is not None:
            self._broken(hole.reason)
        elif was_synced and not rules.synced:
            self._broken("the market moved past the last level of the snapshot")
        if rules.synced:
            self._tell(now_ns)
        else:
            self.unsynced += 1

    def take_snapshot(self, answer: Any, now_ns: int) -> None:
        rules = self._rules
        if not rules.needs_snapshot:
            return
        was_synced = rules.synced
        try:
            why = rules.on_snapshot(to_snapshot(answer))
        except ValueError as error:
            why = str(error)
        if rules.synced and not was_synced:
            self._tell(now_ns)
        elif why is not None:
            self._feed.resync("book", why)

    def _broken(self, reason: str) -> None:
        if self._told is not None and self._after is None:
            self._after = reason
        self._feed.resync("book", reason)

    def _tell(self, now_ns: int) -> None:
        rules = self._rules
        if rules.last_id == self._told:
            return
        if self._after is not None:
            self._feed.missing("book", self._told, rules.last_id, self._after)
            self._after = None
        self._told = rules.last_id
        self._feed.event(to_book(rules, self._depth, self._exchange, self._symbol, now_ns))

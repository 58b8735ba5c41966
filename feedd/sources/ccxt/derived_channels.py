"""Channels that are made of another one's messages: they share its state, its gaps and its losses.

A quote may be a part of the ticker, or the first level of the book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.model import Book, Quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.model import EventId, Tick
    from feedd.sources.base import Sink
    from feedd.sources.ccxt.plan import Plan


class DerivedChannels:
    """A sink that passes on what is published, and mirrors a carrier to what is made of it.

    Of a book it makes the quotes, where the plan says so: one whenever the first level changed, and
    one after each loss, gap or resync of the book.
    """

    def __init__(self, sink: Sink, plan: Plan) -> None:
        self._sink = sink
        self._concerned = {
            channel: tuple(
                name for name in plan.published if channel in {name, plan.made_from.get(name)}
            )
            for channel in {*plan.published, *plan.subscribed}
        }
        self._quotes_of_book = plan.quotes_of_book
        self._best: tuple[object, object] | None = None  # of the last quote
        self._quote_id: EventId = None
        self.hold, self.release = sink.hold, sink.release

    def event(self, tick: Tick) -> None:
        """Pass an event on, and the quote made of a book."""
        concerned = self._concerned.get(tick.channel, ())
        if tick.channel in concerned:
            self._sink.event(tick)
        if self._quotes_of_book and type(tick) is Book:
            self._make_quote(tick)

    def _make_quote(self, book: Book) -> None:
        bid = book.bids[0] if book.bids else (None, None)
        ask = book.asks[0] if book.asks else (None, None)
        if (bid, ask) == self._best:
            self._sink.alive("quote")
            return
        self._best, self._quote_id = (bid, ask), book.id
        self._sink.event(
            Quote(
                symbol=book.symbol,
                timestamp=book.timestamp,
                bid=bid[0],
                bid_size=bid[1],
                ask=ask[0],
                ask_size=ask[1],
                exchange=book.exchange,
                received_ns=book.received_ns,
                id=book.id,
            )
        )

    def subscribed(self, channel: str) -> None:
        """Note it of every channel concerned."""
        for name in self._concerned.get(channel, ()):
            self._sink.subscribed(name)

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Note it of every channel concerned."""
        self._begin_again(channel)
        for name in self._concerned.get(channel, ()):
            self._sink.lost(name, reason, waits=waits)

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        """Report a gap in every channel concerned; that of quotes begins at the last one."""
        self._begin_again(channel)
        for name in self._concerned.get(channel, ()):
            before = from_id if name == channel else self._quote_id
            self._sink.missing(name, before, to_id, reason)

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Report it of every channel concerned."""
        self._begin_again(channel)
        for name in self._concerned.get(channel, ()):
            self._sink.resync(name, reason, waits=waits)

    def alive(self, channel: str) -> None:
        """Note it of every channel concerned."""
        for name in self._concerned.get(channel, ()):
            self._sink.alive(name)

    def compared(self, channel: str) -> None:
        """Note it of every channel concerned."""
        for name in self._concerned.get(channel, ()):
            self._sink.compared(name)

    def rejected(self, channels: Iterable[str], reason: str) -> None:
        """Note it of every channel concerned."""
        names = dict.fromkeys(
            name for channel in channels for name in self._concerned.get(channel, ())
        )
        self._sink.rejected(names, reason)

    def _begin_again(self, channel: str) -> None:
        if channel == "book":
            self._best = None

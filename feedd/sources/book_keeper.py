"""One symbol's book, kept verified: joins the rules, the depth stream and the snapshots."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from feedd.books.depth import Snapshot
from feedd.errors import FeeddError, LimitError
from feedd.model import Book, forwards
from feedd.sources.base import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.books.depth import DepthRules, Update
    from feedd.model import EventId
    from feedd.sources.base import Sink

SNAPSHOT_WITHIN_S = 5.0  # after subscribing again


class BookKeeper:
    """Publishes verified books to the sink, each a copy of the best `depth` levels.

    `renew` requests a snapshot: it returns the answer, or None where the stream brings it.
    It raises FeeddError.
    """

    def __init__(
        self,
        exchange: str,
        symbol: str,
        rules: DepthRules,
        depth: int,
        renew: Callable[[], Awaitable[Snapshot | None]],
    ) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._rules = rules
        self._depth = depth
        self._renew = renew
        self._task: asyncio.Task[None] | None = None
        self._published_id: EventId = None
        self._published: Book | None = None  # with that id
        self._message: Update | Snapshot | None = None  # the last one
        self._wake = asyncio.Event()  # a snapshot came, or may be lost
        self._in_resync = False
        self._gap_reason: str | None = None  # of the gap before the next book

    def on_message(self, message: Update | Snapshot, received_ns: int, sink: Sink) -> None:
        """Take a message of the depth stream."""
        rules = self._rules
        was_synced = rules.synced
        repeated, self._message = message == self._message, message
        if isinstance(message, Snapshot):
            broken = rules.on_snapshot(message)
            self._wake.set()
        else:
            gap = rules.on_update(message)
            broken = None if gap is None else gap.reason
        if broken is not None:
            self._broken(broken, sink)
        elif was_synced and not rules.synced:
            self._broken("the market moved past the last level of the snapshot", sink)
        if rules.synced:
            self._publish_book(received_ns, sink, repeated=repeated)
        else:
            sink.alive("book")  # its stream flows, although no book can be built from it
        if rules.needs_snapshot and self._task is None:
            self._request(sink)

    def broken(self, reason: str, sink: Sink) -> None:
        """Begin again with a new snapshot: a message of the stream is missing."""
        if not self._rules.synced and self._task is not None:
            self._wake.set()  # what is missing may be the snapshot that it waits for
            return
        self._rules.reset()
        self._broken(reason, sink)
        self._request(sink)

    @property
    def synced(self) -> bool:
        """Whether the book is verified."""
        return self._rules.synced

    def lost(self, reason: str) -> None:
        """Forget the stream: its connection is lost."""
        self._rules.reset()
        self._in_resync = False
        if self._published is not None and self._gap_reason is None:
            self._gap_reason = f"reconnect after: {reason}"
        self.stop()

    def stop(self) -> None:
        """Request no more snapshots."""
        if self._task is not None:
            self._task.cancel()

    def _request(self, sink: Sink) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._until_verified(sink))
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled():
            task.result()  # an error in this code belongs in the event loop's log

    async def _until_verified(self, sink: Sink) -> None:
        """Request snapshots until one joins the stream."""
        backoff = Backoff()
        rules = self._rules
        while True:
            was_synced = rules.synced
            snapshot: Snapshot | None = None
            why: str | None = None
            waits = False
            self._wake.clear()
            try:
                snapshot = await self._renew()
                if snapshot is None:
                    why = await self._streamed()
                else:
                    why = rules.on_snapshot(snapshot)
            except FeeddError as error:
                why = str(error)
                waits = isinstance(error, LimitError)
            if rules.synced:
                if not was_synced and snapshot is not None:  # else the stream's is published
                    self._publish_book(time.time_ns(), sink)
            elif why is not None:
                sink.resync("book", why, waits=waits)
            if not rules.needs_snapshot and (rules.synced or snapshot is not None):
                break
            await asyncio.sleep(backoff.next_s())
            if rules.synced and not rules.needs_snapshot:
                break

    async def _streamed(self) -> str | None:
        """Wait for the stream's snapshot; return why there is none."""
        try:
            async with asyncio.timeout(SNAPSHOT_WITHIN_S):
                await self._wake.wait()
        except TimeoutError:
            return "no snapshot after subscribing again"
        return None

    def _broken(self, reason: str, sink: Sink) -> None:
        """Report one resync; the gap is reported with the next book, because it ends there."""
        if self._published is not None and self._gap_reason is None:
            self._gap_reason = reason
        if not self._in_resync:
            self._in_resync = True
            sink.resync("book", reason)

    def _publish_book(self, received_ns: int, sink: Sink, *, repeated: bool = False) -> None:
        rules = self._rules
        book = to_book(rules, self._depth, self._exchange, self._symbol, received_ns)
        again = self._in_resync or self._gap_reason is not None  # else the state would stay
        # Without ids, an update behind the published levels is another one with the same book.
        if not again and (book.id is not None or repeated) and same_book(book, self._published):
            sink.alive("book")
            return
        self._in_resync = False
        if self._gap_reason is not None:
            to_id = forwards(self._published_id, rules.last_id)
            sink.missing("book", self._published_id, to_id, self._gap_reason)
            self._gap_reason = None
        self._published_id, self._published = rules.last_id, book
        sink.event(book)


def to_book(rules: DepthRules, depth: int, exchange: str, symbol: str, received_ns: int) -> Book:
    """Return a copy of the best levels of a verified book."""
    return Book(
        symbol=symbol,
        timestamp=rules.timestamp,
        bids=rules.book.bids.top(depth),
        asks=rules.book.asks.top(depth),
        exchange=exchange,
        received_ns=received_ns,
        id=rules.last_id,
    )


def same_book(one: Book, other: Book | None) -> bool:
    """Return whether a book is repeated: a restarted exchange gives its id to another one."""
    return (
        other is not None
        and one.id == other.id
        and one.bids == other.bids
        and one.asks == other.asks
    )

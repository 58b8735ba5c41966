"""Books made of a stream of updates and a snapshot that is requested beside it."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

from feedd.books.depth import TWO_WITH_ONE_ID, BookGap, differ_with_one_id
from feedd.books.levels import PriceLevels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.books.depth import Snapshot, Update
    from feedd.books.levels import Level

WAITING_AT_MOST = 1000  # updates kept while a snapshot is on its way: at 10 a second, 100 s
BEHIND_AT_MOST = 5  # consecutive old updates that mean that the ids restarted
KNOWN_MORE = 100  # levels than are published
KNOWN_AT_LEAST = 400  # levels per side, else a new snapshot: one recorded update fell past 257


class DiffBook:
    """Joins a snapshot and the updates around it, and checks each update against the last.

    Request a snapshot whenever `needs_snapshot`, after at least one update was received: the update
    that bridges to it may arrive before its answer. See `feedd.books.depth.DepthRules` for the
    contract.

    A book of `depth` levels is published while that many are known. A new snapshot is requested
    while fewer than `depth + known_more` are, or fewer than `known_at_least`: both must be below
    the levels of a snapshot that has a `limit`.
    """

    def __init__(
        self,
        depth: int,
        *,
        known_more: int = KNOWN_MORE,
        known_at_least: int = KNOWN_AT_LEAST,
    ) -> None:
        self._depth = depth
        self._known_wanted = max(depth + known_more, known_at_least)
        self.book = PriceLevels()
        self.synced = False
        self.last_id: int | None = None
        self.timestamp: int | None = None
        self._newest: int | None = None  # id in the stream, with or without a book
        self._update: Update | None = None  # with that id
        self._behind: list[int] = []  # ids of consecutive updates that seem old
        self._waiting: deque[Update] = deque(maxlen=WAITING_AT_MOST)
        self._snapshot: Snapshot | None = None  # newer than the stream

    @property
    def needs_snapshot(self) -> bool:
        """Whether there is no book, or one that will soon run out of known levels."""
        return self._snapshot is None and (not self.synced or self._thin)

    def on_update(self, update: Update) -> BookGap | None:
        """Apply an update; an old or repeated one changes nothing.

        Unless BEHIND_AT_MOST of them follow each other: then the exchange has restarted its ids,
        or the newest id was far too high.
        """
        newest = self._newest
        gap = None
        if newest is not None and update.last <= newest:
            why = self._why_old(update)
            if why is None:
                return None
            gap = self._break(newest, update.last, why)
        elif newest is not None and update.before != newest:
            gap = self._break(newest, update.last, "an update of the book is missing")
        if self._behind:
            self._behind.clear()
        self._newest, self._update = update.last, update
        if self.synced:
            self._apply(update)
            if self.book.crossed:
                gap = self._break(update.before, update.last, "the book is crossed")
            elif not self.book.knows(self._depth):
                self.synced = False  # the market ran past the snapshot's last level
        if not self.synced or self._thin:
            self._waiting.append(update)
            if self._snapshot is not None:
                self._join()
        return gap

    def on_snapshot(self, snapshot: Snapshot) -> str | None:
        """Take a snapshot; return why it is rejected, or None.

        One that is ahead of the stream waits for the update that reaches it.
        """
        wrong = _inconsistency(snapshot)
        if wrong is not None:
            return wrong
        self._snapshot = snapshot
        return self._join()

    def reset(self) -> None:
        """Forget the book and the stream."""
        self._break(None, None, "")
        self._newest = self._update = None

    @property
    def _thin(self) -> bool:
        return not self.book.knows(self._known_wanted)

    def _break(self, from_id: int | None, to_id: int | None, reason: str) -> BookGap:
        self.synced = False
        self._snapshot = None
        self._waiting.clear()
        return BookGap(from_id, to_id, reason)

    def _why_old(self, update: Update) -> str | None:
        """Return why an update with an old id changes the book nevertheless, or None."""
        if differ_with_one_id(update, self._update):
            return TWO_WITH_ONE_ID
        return "the ids of the book's updates restarted" if self._ids_restart(update) else None

    def _ids_restart(self, update: Update) -> bool:
        behind = self._behind
        if behind and (update.before != behind[-1] or update.last <= behind[-1]):
            behind.clear()
        behind.append(update.last)
        return len(behind) >= BEHIND_AT_MOST

    def _join(self) -> str | None:
        snapshot = self._snapshot
        if snapshot is None:
            return None
        updates = [update for update in self._waiting if update.last >= snapshot.last]
        if not updates:
            return None
        self._snapshot = None
        # No update may lie between: the snapshot contains the one before this, `before`.
        if updates[0].before > snapshot.last:
            return f"the snapshot ({snapshot.last}) is older than the stream ({updates[0].before})"
        limit = snapshot.limit
        self.book.load(
            snapshot.bids,
            snapshot.asks,
            bids_whole=limit is None or len(snapshot.bids) < limit,
            asks_whole=limit is None or len(snapshot.asks) < limit,
        )
        self._waiting.clear()
        for update in updates:
            self._apply(update)
        if self.book.crossed:
            self._break(None, None, "")
            return "snapshot and updates make a crossed book"
        self.synced = self.book.knows(self._depth)
        return None

    def _apply(self, update: Update) -> None:
        self.book.apply(update.bids, update.asks)
        self.last_id = update.last
        self.timestamp = update.timestamp or None


def _inconsistency(snapshot: Snapshot) -> str | None:
    """Return why a snapshot is not a book, or None.

    A new, halted or thin market may have no bids, no asks, or neither.
    """
    bids, asks = snapshot.bids, snapshot.asks
    if not _falling(bids) or not _falling((-price, size) for price, size in asks):
        return "the snapshot's levels are out of order"
    if bids and asks and bids[0][0] >= asks[0][0]:
        return "the snapshot is crossed"
    return None


def _falling(rows: Iterable[Level]) -> bool:
    prices = [price for price, _ in rows]
    return all(a > b for a, b in pairwise(prices))

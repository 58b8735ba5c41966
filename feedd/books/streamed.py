"""Books whose stream begins with a snapshot and whose updates each name the one before."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from feedd.books.depth import TWO_WITH_ONE_ID, BookGap, differ_with_one_id
from feedd.books.levels import PriceLevels

if TYPE_CHECKING:
    from feedd.books.depth import Snapshot, Update


BEHIND_AT_MOST = 5  # updates in a row that precede a snapshot
KNOWN_AGAIN = 32  # updates: one that is sent twice is recognized
WENT_BACK = "the ids of the book's updates went back"


class StreamedBook:
    """Applies updates to the stream's own snapshot, and checks each against the last id.

    `covered` is the number of levels per side that the subscription covers: a venue may report no
    change of a level behind them, so that those are dropped. None: it covers every level. `grows`:
    ids never fall on one connection, so that a snapshot with a smaller one was overtaken, and
    changes nothing.

    An id below the last one is of an update that was sent twice, or of one that was sent before the
    snapshot; else the ids went back, and the update that led there was not received. See
    `feedd.books.depth.DepthRules` for the contract.
    """

    def __init__(self, covered: int | None = None, *, grows: bool = False) -> None:
        self._covered = covered
        self._grows = grows
        self.book = PriceLevels()
        self.synced = False
        self.last_id: int | None = None
        self.timestamp: int | None = None
        self._order = 0
        self._begun = False
        self._update: Update | None = None  # the last one applied since the snapshot
        self._applied: deque[int] = deque(maxlen=KNOWN_AGAIN)  # ids of the last ones
        self._behind = 0  # updates in a row that seem older than the snapshot

    @property
    def needs_snapshot(self) -> bool:
        """Whether the stream must be subscribed to again: only its start brings a snapshot."""
        return self._begun and not self.synced

    def on_snapshot(self, snapshot: Snapshot) -> str | None:
        """Replace the book; return why it is rejected, or None."""
        limit = snapshot.limit
        if self._grows and self.synced and snapshot.last < (self.last_id or 0):
            return None
        self._begun = True
        self._update, self._behind = None, 0
        self.book.load(
            snapshot.bids,
            snapshot.asks,
            bids_whole=limit is None or len(snapshot.bids) < limit,
            asks_whole=limit is None or len(snapshot.asks) < limit,
        )
        gap = self._accept(snapshot.last, snapshot.order, snapshot.timestamp)
        return None if gap is None else gap.reason

    def on_update(self, update: Update) -> BookGap | None:
        """Apply an update; one that is older than the snapshot or repeated changes nothing."""
        last = self.last_id
        if not self.synced or last is None:
            self._begun = True
            return None
        if update.before != last:
            if differ_with_one_id(update, self._update):
                return self._break(update.last, TWO_WITH_ONE_ID)
            if update.last > last:
                return self._break(update.last, "an update of the book is missing")
            return None if self._is_old(update) else self._break(update.last, WENT_BACK)
        if update.order < self._order:
            reason = f"the update's order falls from {self._order} to {update.order}"
            return self._break(update.last, reason)
        self._update = update
        self._applied.append(update.last)
        self.book.apply(update.bids, update.asks)
        return self._accept(update.last, update.order, update.timestamp)

    def reset(self) -> None:
        """Wait for the snapshot of a new connection."""
        self.synced = self._begun = False

    def _is_old(self, update: Update) -> bool:
        if self._update is None:
            self._behind += 1
            return self._behind < BEHIND_AT_MOST
        return update.last == self.last_id or update.last in self._applied

    def _accept(self, last: int, order: int, timestamp: int | None) -> BookGap | None:
        if self._covered is not None:
            self.book.bids.keep(self._covered)
            self.book.asks.keep(self._covered)
        if self.book.crossed:
            return self._break(last, "the book is crossed")
        self.synced = True
        self.last_id, self._order, self.timestamp = last, order, timestamp
        return None

    def _break(self, to_id: int, reason: str) -> BookGap:
        self.synced = False
        return BookGap(self.last_id, to_id, reason)

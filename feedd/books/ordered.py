"""Books whose messages are numbered together with all others of their connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.books.depth import BookGap
from feedd.books.levels import PriceLevels

if TYPE_CHECKING:
    from feedd.books.depth import Snapshot, Update


class OrderedBook:
    """Applies updates to the stream's own snapshot, in the order in which they arrive.

    The caller checks the numbers of the connection (`Venue.connection_sequence`): it passes no
    message twice or late, and invokes `reset` where one is missing. Ids only identify messages. See
    `feedd.books.depth.DepthRules` for the contract.
    """

    def __init__(self) -> None:
        self.book = PriceLevels()
        self.synced = False
        self.last_id: int | None = None
        self.timestamp: int | None = None
        self._begun = False

    @property
    def needs_snapshot(self) -> bool:
        """Whether the stream must be subscribed to again: only its start brings a snapshot."""
        return self._begun and not self.synced

    def on_snapshot(self, snapshot: Snapshot) -> str | None:
        """Replace the book; return why it is rejected, or None."""
        self._begun = True
        self.book.load(snapshot.bids, snapshot.asks, bids_whole=True, asks_whole=True)
        gap = self._accept(snapshot.last, snapshot.timestamp)
        return None if gap is None else gap.reason

    def on_update(self, update: Update) -> BookGap | None:
        """Apply an update; one before the snapshot changes nothing."""
        self._begun = True
        if not self.synced:
            return None
        self.book.apply(update.bids, update.asks)
        return self._accept(update.last, update.timestamp)

    def reset(self) -> None:
        """Wait for the next snapshot: a message is missing, or the connection is lost."""
        self.synced = self._begun = False

    def _accept(self, last: int, timestamp: int | None) -> BookGap | None:
        self.synced = not self.book.crossed
        if not self.synced:
            return BookGap(self.last_id, last or None, "the book is crossed")
        self.last_id, self.timestamp = last or None, timestamp
        return None

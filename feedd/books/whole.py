"""Books whose every message is the whole book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.books.levels import PriceLevels

if TYPE_CHECKING:
    from feedd.books.depth import BookGap, Snapshot, Update

BEHIND_AT_MOST = 5  # older books in a row that mean that the ids restarted
RESTARTED = "the ids of the books restarted"


class WholeBook:
    """Takes each message as the book; an older one is dropped, also on a new connection.

    `last` of a message is its id or its time: what grows. A lost message makes no later one wrong.
    See `feedd.books.depth.DepthRules` for the contract.
    """

    def __init__(self) -> None:
        self.book = PriceLevels()
        self.synced = False
        self.last_id: int | None = None
        self.timestamp: int | None = None
        self._begun = False
        self._behind: list[int] = []  # ids of consecutive older books

    @property
    def needs_snapshot(self) -> bool:
        """Whether the last message was no book; subscribing again brings one at once."""
        return self._begun and not self.synced

    def on_snapshot(self, snapshot: Snapshot) -> str | None:
        """Replace the book; return why it is rejected, or that the ids restarted, or None."""
        self._begun = True
        restarted = False
        if self.last_id is not None and snapshot.last < self.last_id:
            restarted = self._ids_restart(snapshot.last)
            if not restarted:
                return None
        self._behind.clear()
        limit = snapshot.limit
        self.book.load(
            snapshot.bids,
            snapshot.asks,
            bids_whole=limit is None or len(snapshot.bids) < limit,
            asks_whole=limit is None or len(snapshot.asks) < limit,
        )
        if self.book.crossed:
            self.synced = False
            return "the book is crossed"
        self.synced = True
        self.last_id, self.timestamp = snapshot.last, snapshot.timestamp
        return RESTARTED if restarted else None

    def on_update(self, update: Update) -> BookGap | None:
        """Raise TypeError: such a stream has no updates."""
        raise TypeError(f"update {update.last} of a book whose every message is whole")

    def reset(self) -> None:
        """Wait for the first book of a new connection."""
        self.synced = self._begun = False

    def _ids_restart(self, last: int) -> bool:
        behind = self._behind
        if behind and last < behind[-1]:
            behind.clear()
        behind.append(last)
        return len(behind) >= BEHIND_AT_MOST

"""Books whose updates have no contiguous ids, and a checksum of the best levels instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from feedd.books.depth import BookGap
from feedd.books.levels import PriceLevels

if TYPE_CHECKING:
    from feedd.books.depth import Proof, Snapshot, Update
    from feedd.books.levels import Level, Side

# (the best bids, the best asks as sent), best first -> the venue's checksum
Checksum = Callable[[list[Any], list[Any]], int]

UNPROVEN_AT_MOST = 1000  # updates that wait for a checksum
MISMATCH = "the book differs from the exchange's checksum"


class ChecksumBook:
    """Applies updates to the stream's own snapshot, and checks each result by its checksum.

    `checksum` takes the best `checked` levels as sent of each side; a thin side has fewer.
    `covered` is the number of levels per side that the subscription covers: the venue reports no
    change of a level behind them, so that those are dropped. None: it covers every level.

    A venue may send the checksum in a message of its own, an update without levels. The updates
    before it, whose proofs have no checksum, are applied when it arrives and not earlier.

    Messages have no ids (0), or ids that grow. An update whose `before` is not 0 names the message
    before, besides or instead of a checksum. Two updates of one level that are swapped may each
    have a right checksum: where messages have no ids, `order` shows them. See
    `feedd.books.depth.DepthRules` for the contract.
    """

    def __init__(self, checksum: Checksum, checked: int, covered: int | None = None) -> None:
        self._checksum = checksum
        self._checked = checked
        self._covered = covered
        self.book = PriceLevels()
        self.synced = False
        self.last_id: int | None = None
        self.timestamp: int | None = None
        self._bids: dict[float, Any] = {}  # the levels as sent, by price
        self._asks: dict[float, Any] = {}
        self._begun = False
        self._loaded = False  # whether the levels are of the stream's snapshot
        self._number = 0  # of the newest message, with or without a checksum
        self._order = 0
        self._update: Update | None = None  # with that number
        self._unproven: list[Update] = []

    @property
    def needs_snapshot(self) -> bool:
        """Whether the stream must be subscribed to again: only its start brings a snapshot."""
        return self._begun and not self._loaded

    def on_snapshot(self, snapshot: Snapshot) -> str | None:
        """Replace the book; return why it is rejected, or None."""
        proof = snapshot.proof
        self._begun = True
        if proof is None:
            return self._break(snapshot.last, "the snapshot has no checksum").reason
        self.book.load(snapshot.bids, snapshot.asks, bids_whole=True, asks_whole=True)
        self._bids, self._asks = {}, {}
        _set_sent(self._bids, snapshot.bids, proof.bids)
        _set_sent(self._asks, snapshot.asks, proof.asks)
        self._drop_behind()
        self._unproven.clear()
        self._loaded, self.synced = True, False
        self._number, self._update = snapshot.last, None
        self._order = snapshot.order
        self.timestamp = snapshot.timestamp
        if proof.checksum is None:
            return None
        gap = self._accept(snapshot.last, proof.checksum)
        return None if gap is None else gap.reason

    def on_update(self, update: Update) -> BookGap | None:
        """Apply an update, once its checksum is known."""
        if not self._loaded:
            self._begun = True
            return None
        proof = update.proof
        if proof is None:
            return self._break(update.last, "an update of the book has no checksum")
        if update.last and update.last <= self._number:
            if update == self._update or self._update is None:
                return None  # repeated, or of before the snapshot
            return self._break(update.last, "the ids of the book's updates fall")
        if (reason := self._out_of_order(update)) is not None:
            return self._break(update.last, reason)
        self._number, self._update = update.last, update
        self._order = update.order or self._order
        if proof.checksum is None and not update.before:
            self._unproven.append(update)
            if len(self._unproven) > UNPROVEN_AT_MOST:
                return self._break(update.last, "the book's checksum does not arrive")
            return None
        if self._unproven:
            for earlier in self._unproven:
                self._apply(earlier, earlier.proof)
            self._unproven.clear()
        self._apply(update, proof)
        return self._accept(update.last, proof.checksum)

    def _out_of_order(self, update: Update) -> str | None:
        if update.before and update.before != self._number:
            return "an update of the book is missing"
        if update.order and update.order < self._order:
            return f"the update's order falls from {self._order} to {update.order}"
        return None

    def reset(self) -> None:
        """Wait for the snapshot of a new connection."""
        self.synced = self._begun = self._loaded = False
        self._unproven.clear()

    def _apply(self, update: Update, proof: Proof | None) -> None:
        book = self.book
        if proof is not None:
            _set_sent(self._bids, update.bids, proof.bids)
            _set_sent(self._asks, update.asks, proof.asks)
        book.apply(update.bids, update.asks)
        self._drop_behind()
        if update.timestamp:
            self.timestamp = update.timestamp

    def _drop_behind(self) -> None:
        covered = self._covered
        if covered is not None:
            for price in self.book.bids.keep(covered):
                del self._bids[price]
            for price in self.book.asks.keep(covered):
                del self._asks[price]

    def _accept(self, last: int, checksum: int | None) -> BookGap | None:
        book = self.book
        if checksum is not None:
            bids, asks = self._best(book.bids, self._bids), self._best(book.asks, self._asks)
            if self._checksum(bids, asks) != checksum:
                return self._break(last, MISMATCH)
        if book.crossed:
            return self._break(last, "the book is crossed")
        self.synced = True
        self.last_id = last or None
        return None

    def _best(self, side: Side, sent: dict[float, Any]) -> list[Any]:
        return [sent[price] for price in side.prices(self._checked)]

    def _break(self, to_id: int, reason: str) -> BookGap:
        self.synced = self._loaded = False
        self._unproven.clear()
        return BookGap(self.last_id, to_id or None, reason)


def _set_sent(sent: dict[float, Any], levels: list[Level], of: Sequence[Any]) -> None:
    """Set changed levels as they were sent; a level of size 0 is removed."""
    for (price, size), one in zip(levels, of, strict=True):
        if size:
            sent[price] = one
        else:
            sent.pop(price, None)

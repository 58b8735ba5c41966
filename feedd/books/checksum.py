"""Books whose updates have no contiguous ids, and a checksum of the best levels instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from feedd.books.depth import BookGap
from feedd.books.levels import PriceLevels

if TYPE_CHECKING:
    from feedd.books.depth import Proof, Snapshot, Update
    from feedd.books.levels import Level, Side

# (texts of the best bids, of the best asks), best first -> the venue's checksum
Checksum = Callable[[list[str], list[str]], int]

UNPROVEN_AT_MOST = 1000  # updates that wait for a checksum
MISMATCH = "the book differs from the exchange's checksum"


class ChecksumBook:
    """Applies updates to the stream's own snapshot, and checks each result by its checksum.

    `checksum` takes the texts of the best `checked` levels of each side; a thin side has fewer.
    `covered` is the number of levels per side that the subscription covers: the venue reports no
    change of a level behind them, so that those are dropped. None: it covers every level.

    A venue may send the checksum in a message of its own, an update without levels. The updates
    before it, whose proofs have no checksum, are applied when it arrives and not earlier.

    Messages have no ids (0), or ids that only identify them. See `feedd.books.depth.DepthRules`
    for the contract.
    """

    def __init__(self, checksum: Checksum, checked: int, covered: int | None = None) -> None:
        self._checksum = checksum
        self._checked = checked
        self._covered = covered
        self.book = PriceLevels()
        self.synced = False
        self.last_id: int | None = None
        self.timestamp: int | None = None
        self._bids: dict[float, str] = {}  # texts of the levels, by price
        self._asks: dict[float, str] = {}
        self._begun = False
        self._loaded = False  # whether the levels are of the stream's snapshot
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
        _set_texts(self._bids, snapshot.bids, proof.bids)
        _set_texts(self._asks, snapshot.asks, proof.asks)
        self._drop_behind()
        self._unproven.clear()
        self._loaded, self.synced = True, False
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
        if proof.checksum is None:
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

    def reset(self) -> None:
        """Wait for the snapshot of a new connection."""
        self.synced = self._begun = self._loaded = False
        self._unproven.clear()

    def _apply(self, update: Update, proof: Proof | None) -> None:
        book = self.book
        if proof is not None:
            _set_texts(self._bids, update.bids, proof.bids)
            _set_texts(self._asks, update.asks, proof.asks)
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

    def _accept(self, last: int, checksum: int) -> BookGap | None:
        book = self.book
        bids, asks = self._best(book.bids, self._bids), self._best(book.asks, self._asks)
        if self._checksum(bids, asks) != checksum:
            return self._break(last, MISMATCH)
        if book.crossed:
            return self._break(last, "the book is crossed")
        self.synced = True
        self.last_id = last or None
        return None

    def _best(self, side: Side, texts: dict[float, str]) -> list[str]:
        return [texts[price] for price in side.prices(self._checked)]

    def _break(self, to_id: int, reason: str) -> BookGap:
        self.synced = self._loaded = False
        self._unproven.clear()
        return BookGap(self.last_id, to_id or None, reason)


def _set_texts(texts: dict[float, str], levels: list[Level], of: list[str]) -> None:
    """Set the texts of changed levels; a level of size 0 is removed."""
    for (price, size), text in zip(levels, of, strict=True):
        if size:
            texts[price] = text
        else:
            texts.pop(price, None)

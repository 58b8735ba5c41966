"""OKX's depth: the stream begins with a snapshot, and each message names the one before.

https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel
"""

from __future__ import annotations

import zlib
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from feedd.books.checksum import ChecksumBook
from feedd.books.depth import Proof, Snapshot, Update
from feedd.books.levels import levels
from feedd.books.streamed import StreamedBook
from feedd.numbers import integer

if TYPE_CHECKING:
    from feedd.books.depth import BookGap

LEVELS = 400  # that `books` covers
CHECKED_LEVELS = 25  # of each side, that the checksum is of
IN_SNAPSHOT = -1  # the `prevSeqId` of a snapshot


def to_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or update of `books`.

    ::

        {"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{
         "asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],
         "ts":"1597026383085","checksum":0,"prevSeqId":-1,"seqId":123456}]}

    `action` is `snapshot` or `update`; a level is price, size, a zero that has no meaning, and the
    number of orders. A size of "0" removes a level. "The prevSeqId in the new message matches with
    seqId of the previous message." Without a change for 60 s, a message without levels has both
    equal. After a maintenance of the venue, one message has a `seqId` below its `prevSeqId`.

    `checksum` is not verified: the venue sends 0 in every message
    (https://github.com/ccxt/ccxt/pull/30299). Before 2023 it was all that a message had.
    """
    (data,) = message["data"]
    bids, asks = levels(data["bids"]), levels(data["asks"])
    timestamp, action = integer(data["ts"]), message["action"]
    if "seqId" not in data:
        return _with_proof(data, action, timestamp, bids, asks)
    before, last = integer(data["prevSeqId"]), integer(data["seqId"])
    if (action == "snapshot") != (before == IN_SNAPSHOT) or action not in {"snapshot", "update"}:
        raise ValueError(f"a book message has action {action} and prevSeqId {before}")
    if action == "snapshot":
        return Snapshot(last, bids, asks, timestamp)
    return Update(before, last, timestamp, bids, asks)


class OkxBook(StreamedBook):
    """Checks a book by its ids; one whose messages have none, by its checksums."""

    def __init__(self) -> None:
        super().__init__(LEVELS)
        self._proven = ChecksumBook(checksum, CHECKED_LEVELS, LEVELS)
        self._has_ids = True

    @property
    def needs_snapshot(self) -> bool:
        """Whether the stream must be subscribed to again: only its start brings a snapshot."""
        return super().needs_snapshot if self._has_ids else self._proven.needs_snapshot

    def on_snapshot(self, snapshot: Snapshot) -> str | None:
        """Replace the book; return why it is rejected, or None."""
        self._has_ids = snapshot.proof is None
        if self._has_ids:
            return super().on_snapshot(snapshot)
        why = self._proven.on_snapshot(snapshot)
        self._follow()
        return why

    def on_update(self, update: Update) -> BookGap | None:
        """Apply an update; see both rules."""
        if update.proof is None:
            return super().on_update(update)
        self._has_ids = False
        gap = self._proven.on_update(update)
        self._follow()
        return gap

    def reset(self) -> None:
        """Wait for the snapshot of a new connection."""
        super().reset()
        self._proven.reset()

    def _follow(self) -> None:
        proven = self._proven
        self.book, self.synced = proven.book, proven.synced
        self.last_id, self.timestamp = proven.last_id, proven.timestamp


def checksum(bids: list[str], asks: list[str]) -> int:
    """Return the signed CRC32 of the best levels: `bid:size:ask:size:…`, a thin side has fewer."""
    texts = [text for pair in zip_longest(bids, asks) for text in pair if text is not None]
    value = zlib.crc32(":".join(texts).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def _with_proof(
    data: dict[str, Any], action: str, timestamp: int, bids: Any, asks: Any
) -> Update | Snapshot:
    """Return a message that has a checksum and no id: its time identifies it."""
    texts = ([f"{row[0]}:{row[1]}" for row in data[side]] for side in ("bids", "asks"))
    proof = Proof(integer(data["checksum"]), *texts)
    if action == "snapshot":
        return Snapshot(timestamp, bids, asks, timestamp, proof=proof)
    if action != "update":
        raise ValueError(f"a book message has action {action}")
    return Update(0, timestamp, timestamp, bids, asks, proof=proof)

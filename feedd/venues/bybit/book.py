"""Bybit's way: the stream begins with a snapshot, and each message's `u` is one more.

https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook
"""

from __future__ import annotations

from typing import Any

from feedd.books.base import Hole
from feedd.books.levels import Book, levels


class StreamedBook:
    """Follows `orderbook.<levels>.<symbol>`; only the exchange's own snapshot begins a book.

    ::

        {"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1672304484978,
         "data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],
                 "u":18521288,"seq":7961638724},"cts":1672304484976}

    `type` is `snapshot` or `delta`; a size of "0" removes a level. `u` is 1 in the snapshot after
    the exchange's service was started anew. `seq` grows over all topics of the symbol.
    """

    def __init__(self) -> None:
        self.book = Book()
        self.synced = False
        self.last_id: int | None = None
        self.timestamp: int | None = None
        self._seq = 0
        self._begun = False

    @property
    def needs_snapshot(self) -> bool:
        """Whether the topic must be subscribed to anew."""
        return self._begun and not self.synced

    def on_update(self, message: dict[str, Any]) -> Hole | None:
        """Take a snapshot or a delta; an old or doubled delta changes nothing."""
        data = message["data"]
        bids, asks = levels(data["b"]), levels(data["a"])
        update_id, seq, timestamp = int(data["u"]), int(data["seq"]), int(message["ts"])
        if message["type"] == "snapshot":
            self.book.load(bids, asks, bids_whole=True, asks_whole=True)
        else:
            last = self.last_id
            if not self.synced or last is None:
                self._begun = True
                return None
            if update_id <= last:
                return None
            if update_id != last + 1:
                return self._break(update_id, "an update of the book is missing")
            if seq < self._seq:
                return self._break(update_id, f"seq falls from {self._seq} to {seq}")
            self.book.apply(bids, asks)
        self._begun = True
        if self.book.crossed:
            return self._break(update_id, "the book is crossed")
        self.synced = True
        self.last_id, self._seq, self.timestamp = update_id, seq, timestamp
        return None

    def reset(self) -> None:
        """Wait for the snapshot of a new connection."""
        self.synced = self._begun = False

    def _break(self, to_id: int, reason: str) -> Hole:
        self.synced = False
        return Hole(self.last_id, to_id, reason)

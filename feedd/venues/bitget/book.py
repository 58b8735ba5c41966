"""Bitget's depth: a snapshot and changes with a checksum of the best 25 levels.

https://www.bitget.com/api-doc/spot/websocket/public/Depth-Channel
https://www.bitget.com/api-doc/contract/websocket/public/Order-Book-Channel
"""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any
from zlib import crc32

from feedd.books.checksum import ChecksumBook
from feedd.books.depth import Proof, Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECKED = 25


def rules(_depth: int) -> ChecksumBook:
    """Return the rules of a book; its stream covers every level."""
    return ChecksumBook(checksum, CHECKED)


def checksum(bids: Iterable[list[str]], asks: Iterable[list[str]]) -> int:
    """Return the signed CRC32 of `bid:size:ask:size:…`, the best levels first.

    "If there are fewer than 25 levels on one side, the rest of the other side is joined alone."
    """
    rows = chain.from_iterable(zip_longest(bids, asks, fillvalue=()))
    value = crc32(":".join(chain.from_iterable(rows)).encode())
    return value - (1 << 32) if value >> 31 else value


def to_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or change of the channel `books`.

    ::

        {"action":"snapshot","arg":{"instType":"SPOT","channel":"books","instId":"BTCUSDT"},
         "data":[{"asks":[["26274.9","0.0009"],["26275.0","0.0500"]],
                  "bids":[["26274.8","0.0009"],["26274.7","0.0027"]],
                  "checksum":0,"seq":123,"ts":"1695710946294"}],"ts":1695710946294}
        {"action":"update",…,"data":[{"asks":[["26274.9","0"]],"bids":[],"checksum":-1367582038,
                  "seq":125,"pseq":123,"ts":"1695710946494"}],"ts":1695710946495}

    A size of "0" removes a level. The checksum is that of the texts as sent; 0 means that there is
    none. `seq` grows; `pseq`, where it is sent, is the `seq` of the message before. Messages of
    2022 have no `seq`: there `ts` grows.
    """
    (data,) = message["data"]
    bids, asks = data["bids"], data["asks"]
    sent = integer(data["checksum"]) if "checksum" in data else 0
    proof = Proof(sent or None, bids, asks)
    number, timestamp = integer(data.get("seq", 0)), integer(data["ts"])
    order = 0 if number else timestamp
    if message["action"] == "snapshot":
        return Snapshot(number, levels(bids), levels(asks), timestamp, order, proof=proof)
    if message["action"] != "update":
        raise ValueError(f"a book message with the action {message['action']!r}")
    before = integer(data.get("pseq", 0))
    if proof.checksum is None and not before:
        raise ValueError("a change of the book with neither a checksum nor a number before it")
    return Update(before, number, timestamp, levels(bids), levels(asks), order, proof)

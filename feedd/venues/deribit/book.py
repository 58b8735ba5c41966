"""Deribit's book: it begins with a snapshot, and each change names the one before.

https://docs.deribit.com/#book-instrument_name-interval
"""

from __future__ import annotations

from typing import Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import Level, levels
from feedd.numbers import integer

KINDS = ("new", "change", "delete")


def to_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or change of `book.<instrument>.100ms`.

    ::

        {"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms",
         "data":{"type":"snapshot","timestamp":1554373962454,"instrument_name":"BTC-PERPETUAL",
          "change_id":297217,"bids":[["new",5042.34,30]],"asks":[["new",5042.64,40]]}}}
        …"data":{"type":"change","timestamp":1554373911330,"prev_change_id":297217,
          "instrument_name":"BTC-PERPETUAL","change_id":297218,
          "bids":[["delete",5041.94,0],["change",5042.34,0]],"asks":[]}

    `prev_change_id` is the `change_id` of the message before; ids are shared by instruments, so
    that they skip numbers. A snapshot has every level, and no
    `prev_change_id`.
    """
    data = message["params"]["data"]
    bids, asks = _levels(data["bids"]), _levels(data["asks"])
    change_id, timestamp = integer(data["change_id"]), integer(data["timestamp"])
    if data["type"] == "snapshot":
        if data.get("prev_change_id") is not None:
            raise ValueError("a snapshot of the book names the message before")
        return Snapshot(change_id, bids, asks, timestamp)
    if data["type"] != "change":
        raise ValueError(f"a book message of the type {data['type']!r}")
    return Update(integer(data["prev_change_id"]), change_id, timestamp, bids, asks)


def _levels(rows: list[list[Any]]) -> list[Level]:
    for kind, _, size in rows:
        if kind not in KINDS or (kind == "delete" and size):
            raise ValueError(f"a level with the change {kind!r} and the size {size}")
    return levels([row[1:] for row in rows])

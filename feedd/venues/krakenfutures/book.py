"""Kraken Futures' depth: the stream begins with a snapshot, and each message's `seq` is one more.

https://docs.kraken.com/api/docs/futures-api/websocket/book
"""

from __future__ import annotations

from typing import Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer
from feedd.venues import ticks


def to_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or update of `book`.

    ::

        {"feed":"book_snapshot","product_id":"PI_XBTUSD","timestamp":1612269825817,
         "seq":326072249,"tickSize":null,"bids":[{"price":34892.5,"qty":6385}],
         "asks":[{"price":34911.5,"qty":20598}]}
        {"feed":"book","product_id":"PI_XBTUSD","side":"sell","seq":326072250,"price":34981,
         "qty":0,"timestamp":1612269953629}

    The snapshot has every level; a qty of 0 removes one.
    """
    seq, timestamp = integer(message["seq"]), integer(message["timestamp"])
    if message["feed"] == "book_snapshot":
        bids, asks = (
            levels([[row["price"], row["qty"]] for row in message[side]])
            for side in ("bids", "asks")
        )
        return Snapshot(seq, bids, asks, timestamp)
    changed = levels([[message["price"], message["qty"]]])
    if ticks.side(message["side"]) == "buy":
        return Update(seq - 1, seq, timestamp, changed, [])
    return Update(seq - 1, seq, timestamp, [], changed)

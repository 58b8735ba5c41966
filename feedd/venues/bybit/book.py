"""Bybit's depth: the stream begins with a snapshot, and each message's `u` is one more.

https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook
"""

from __future__ import annotations

from typing import Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer

LIMITS = (50, 200, 1000)  # numbers of levels; 1 is the quotes' topic


def to_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or update of `orderbook.<levels>.<symbol>`.

    ::

        {"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1672304484978,
         "data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],
                 "u":18521288,"seq":7961638724},"cts":1672304484976}

    `type` is `snapshot` or `delta`; a size of "0" removes a level. `u` is 1 in the snapshot after
    a restart of the exchange's service. `seq` grows over all topics of the symbol.
    """
    data = message["data"]
    bids, asks = levels(data["b"]), levels(data["a"])
    update_id, seq = integer(data["u"]), integer(data["seq"])
    timestamp = integer(message["ts"])
    if message["type"] == "snapshot":
        return Snapshot(update_id, bids, asks, timestamp, seq)
    return Update(update_id - 1, update_id, timestamp, bids, asks, seq)

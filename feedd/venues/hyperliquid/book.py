"""Hyperliquid's depth: each message has the best 20 levels of both sides.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions
"""

from __future__ import annotations

from typing import Any

from feedd.books.depth import Snapshot
from feedd.books.levels import levels
from feedd.numbers import integer

LEVELS = 20


def to_depth(message: dict[str, Any]) -> Snapshot:
    """Return the book of `l2Book`, whose id is the time of its block, in ms.

    ::

        {"channel":"l2Book","data":{"coin":"BTC","time":1710131872708,"levels":[
         [{"px":"68674.0","sz":"0.97139","n":4}],[{"px":"68675.0","sz":"0.04396","n":1}]]}}

    Bids come first. A book is sent at most every 0.5 s, and is the whole of its time.
    """
    data = message["data"]
    bids, asks = ([[row["px"], row["sz"]] for row in side] for side in data["levels"])
    time_ms = integer(data["time"])
    return Snapshot(time_ms, levels(bids), levels(asks), time_ms, limit=LEVELS)

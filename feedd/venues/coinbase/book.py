"""Coinbase's depth: a snapshot of all levels and changes, numbered with the connection's messages.

https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels#level2-channel
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from feedd.books.depth import Snapshot, Update
from feedd.clock import from_iso8601
from feedd.numbers import integer, number

if TYPE_CHECKING:
    from feedd.books.levels import Level


def to_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or update of `l2_data`; a quantity of 0 removes a level.

    ::

        {"channel":"l2_data","timestamp":"2026-08-09T21:05:48.505350477Z","sequence_num":14,
         "events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid",
         "event_time":"2026-08-09T21:05:48.210883Z","price_level":"65062.5",
         "new_quantity":"0.00583"},{"side":"offer","event_time":"2026-08-09T21:05:48.210883Z",
         "price_level":"65101.2","new_quantity":"0"}]}]}
    """
    timestamp, last = from_iso8601(message["timestamp"]), integer(message["sequence_num"])
    whole, sides = _levels(message["events"])
    if whole:
        return Snapshot(last, *sides, timestamp)
    return Update(0, last, timestamp, *sides)


def _levels(events: list[Any]) -> tuple[bool, tuple[list[Level], list[Level]]]:
    """Return whether the events begin with a snapshot, and their levels."""
    whole, bids, asks = False, [], []  # type: ignore[var-annotated]
    for event in events:
        if event["type"] == "snapshot":
            whole, bids, asks = True, [], []
        elif event["type"] != "update":
            raise ValueError(f"a book event of type {event['type']!r}")
        for row in event["updates"]:
            price, size, side = number(row["price_level"]), number(row["new_quantity"]), row["side"]
            if not (0 < price < math.inf and 0 <= size < math.inf):
                raise ValueError(f"{row} is not a price and a size")
            if side == "bid":
                bids.append((price, size))
            elif side == "offer":
                asks.append((price, size))
            else:
                raise ValueError(f"{side!r} is not a side")
    return whole, (bids, asks)

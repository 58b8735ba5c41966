"""MEXC's depth: changes with a range of versions, over a snapshot that is requested over REST.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams#how-to-properly-maintain-a-local-copy-of-the-order-book
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer
from feedd.venues.ccxt_request import CcxtRequest
from feedd.venues.mexc import wire

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

SNAPSHOT_LEVELS = 1000
FROM_VERSION, TO_VERSION = 4, 5  # fields of the depth


def to_update(message: dict[str, Any]) -> Update:
    """Return the change of `spot@public.aggre.depth.v3.api.pb@100ms@<symbol>`.

    The body is `PublicAggreDepthsV3Api`::

        {asks: [{price: "117145.49", quantity: "0"}], bids: [{price: "117053.41", quantity: "1.8"}],
         eventType: "spot@public.aggre.depth.v3.api.pb@100ms",
         fromVersion: "43296363236", toVersion: "43296363255"}

    "The fromVersion of each update should be the toVersion of the one before + 1." A quantity of 0
    removes a level.
    """
    bids, asks, others = wire.sides(message["body"])
    return Update(
        integer(wire.text(others[FROM_VERSION])) - 1,
        integer(wire.text(others[TO_VERSION])),
        integer(message["time"]),
        levels(bids),
        levels(asks),
    )


def snapshot_request(_market_type: MarketType, market_id: str) -> CcxtRequest:
    """Return the request for a book (https://www.mexc.com/api-docs/spot-v3/market-data-endpoints)."""
    return CcxtRequest("spotPublicGetDepth", {"symbol": market_id, "limit": SNAPSHOT_LEVELS})


def to_snapshot(answer: Any) -> Snapshot:
    """Return the answer's book; raise ValueError if it can't be read.

    ::

        {"lastUpdateId":1377043284,"bids":[["30225.94","0.004"]],"asks":[["30225.95","1.2"]],
         "timestamp":1661932660144}
    """
    try:
        return Snapshot(
            integer(answer["lastUpdateId"]),
            levels(answer["bids"]),
            levels(answer["asks"]),
            integer(answer["timestamp"]) if answer.get("timestamp") else None,
            limit=SNAPSHOT_LEVELS,
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"the answer is no book: {error!r}") from None

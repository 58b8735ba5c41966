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
ASKS, BIDS, FROM_VERSION, TO_VERSION = 1, 2, 4, 5


def to_update(message: dict[str, Any]) -> Update:
    """Return the change of `spot@public.aggre.depth.v3.api.pb@100ms@<symbol>`.

    The body is `PublicAggreDepthsV3Api`::

        {asks: [{price: "117145.49", quantity: "0"}], bids: [{price: "117053.41", quantity: "1.8"}],
         eventType: "spot@public.aggre.depth.v3.api.pb@100ms",
         fromVersion: "43296363236", toVersion: "43296363255"}

    "The fromVersion of each update should be the toVersion of the one before + 1." A quantity of 0
    removes a level.
    """
    sides: dict[int, list[list[str]]] = {ASKS: [], BIDS: []}
    versions: dict[int, str] = {}
    for number, value in wire.fields(message["body"]):
        if number in sides:
            sides[number].append(wire.level(wire.packed(value)))
        elif number in {FROM_VERSION, TO_VERSION}:
            versions[number] = wire.text(value)
    return Update(
        integer(versions[FROM_VERSION]) - 1,
        integer(versions[TO_VERSION]),
        integer(message["time"]),
        levels(sides[BIDS]),
        levels(sides[ASKS]),
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

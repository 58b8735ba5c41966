"""Binance's depth: a stream of updates, and a snapshot that is requested over REST.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/How-to-manage-a-local-order-book-correctly
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#how-to-manage-a-local-order-book-correctly

Binance asks for U <= lastUpdateId in the first update. `feedd.books.diff` requires that the
snapshot contains the update before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

SNAPSHOT_LEVELS = 1000  # the most that futures return
DEPTH = {"spot": "publicGetDepth", "linear": "fapiPublicGetDepth", "inverse": "dapiPublicGetDepth"}


def to_update(message: dict[str, Any]) -> Update:
    """Return the update of a depthUpdate; raise ValueError, LookupError or TypeError otherwise.

    Futures name the update before in `pu`, since all symbols share their ids::

        {"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5123107832006,
         "u":5123107837557,"pu":5123107831937,"b":[["58710.20","0.014"],["61510.90","0.000"]],
         "a":[["61900.00","1.2"]]}

    Spot counts per symbol, and has no `pu`: there `U` is one more than the last `u`::

        {"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,
         "b":[["0.0024","10"]],"a":[["0.0026","100"]]}
    """
    first, last, previous = integer(message["U"]), integer(message["u"]), message.get("pu")
    before = first - 1 if previous is None else integer(previous)
    if before > last:
        raise ValueError(f"depthUpdate with U {first}, u {last} and {before} before it")
    return Update(before, last, integer(message["E"]), levels(message["b"]), levels(message["a"]))


def to_snapshot(answer: Any) -> Snapshot:
    """Return the snapshot of GET depth; raise ValueError for an answer that can't be parsed.

    ::

        {"lastUpdateId":1027024,"E":1589436922972,"T":1589436922959,
         "bids":[["4.0","431.0"]],"asks":[["4.2","12.0"]]}
    """
    try:
        last = integer(answer["lastUpdateId"])
        return Snapshot(last, levels(answer["bids"]), levels(answer["asks"]), limit=SNAPSHOT_LEVELS)
    except (TypeError, LookupError, ValueError) as error:
        raise ValueError(f"the snapshot can't be read: {type(error).__name__}: {error}") from None


def snapshot_request(market_type: MarketType, market_id: str) -> CcxtRequest:
    """Return the request for a snapshot."""
    return CcxtRequest(DEPTH[market_type], {"symbol": market_id, "limit": SNAPSHOT_LEVELS})

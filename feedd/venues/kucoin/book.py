"""KuCoin's depth: a stream of updates of all levels, and a snapshot that is requested over REST.

https://www.kucoin.com/docs-new/3470068w0, https://www.kucoin.com/docs-new/3470082w0: an update
whose first number is one more than the last one follows the book. Without an API key the page of
spot has 100 levels, and that of futures all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.books.depth import Snapshot, Update
from feedd.books.diff import DiffBook
from feedd.books.levels import levels
from feedd.numbers import integer, number
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from feedd.books.levels import Level
    from feedd.venues.market_type import MarketType

SNAPSHOT_LEVELS = 100
# Nine recorded markets, in 77 s and up to 2,342 updates, kept 80 of those 100 at all times.
KNOWN_MORE, KNOWN_AT_LEAST = 20, 60
DEPTH_AT_MOST = SNAPSHOT_LEVELS - 2 * KNOWN_MORE  # levels that are known at any time


def spot_rules(depth: int) -> DiffBook:
    """Return rules whose snapshots have 100 levels: of more, as many are published as are known."""
    return DiffBook(min(depth, DEPTH_AT_MOST), known_more=KNOWN_MORE, known_at_least=KNOWN_AT_LEAST)


def spot_update(message: dict[str, Any]) -> Update:
    """Return the update of `/market/level2`; a size of "0" removes a level.

    ::

        {"topic":"/market/level2:BTC-USDT","type":"message","subject":"trade.l2update",
         "data":{"changes":{"asks":[["18906","0.00331","14103845"]],"bids":[]},
         "sequenceEnd":14103845,"sequenceStart":14103844,"symbol":"BTC-USDT","time":1663747970273}}

    A change at the price "0" changes no level, it has only a number.
    """
    data = message["data"]
    first, last = integer(data["sequenceStart"]), integer(data["sequenceEnd"])
    if first > last:
        raise ValueError(f"an update of the book from {first} to {last}")
    changes = data["changes"]
    return Update(
        first - 1, last, integer(data.get("time") or 0), _changed(changes["bids"]),
        _changed(changes["asks"]),
    )  # fmt: skip


def spot_snapshot(answer: Any) -> Snapshot:
    """Return the snapshot of `level2_100`; raise ValueError for an answer that can't be parsed.

    ::

        {"code":"200000","data":{"sequence":"29698218","time":1550653727731,
         "bids":[["6500.12","0.45054140"]],"asks":[["6500.16","0.57753524"]]}}
    """
    return _snapshot(answer, "time", 1, SNAPSHOT_LEVELS)


def futures_update(message: dict[str, Any]) -> Update:
    """Return the change of `/contractMarket/level2`: the price, the side and the size.

    ::

        {"topic":"/contractMarket/level2:XBTUSDTM","type":"message","subject":"level2",
         "sn":1709400450243,"data":{"sequence":1709400450243,"change":"90631.2,sell,2",
         "timestamp":1731897467182}}

    Sizes are contracts; 0 removes a level.
    """
    data = message["data"]
    price, side, size = data["change"].split(",")
    changed = levels([[price, size]])
    if side not in {"buy", "sell"}:
        raise ValueError(f"{side!r} is not a side")
    last = integer(data["sequence"])
    bids, asks = (changed, []) if side == "buy" else ([], changed)
    return Update(last - 1, last, integer(data["timestamp"]), bids, asks)


def futures_snapshot(answer: Any) -> Snapshot:
    """Return the snapshot of all levels; raise ValueError for an answer that can't be parsed.

    ::

        {"code":"200000","data":{"sequence":1709400450243,"symbol":"XBTUSDTM",
         "bids":[["90631.2",2]],"asks":[["90631.3",7]],"ts":1731897467182000000}}
    """
    return _snapshot(answer, "ts", 1_000_000, None)


def snapshot_request(market_type: MarketType, market_id: str) -> CcxtRequest:
    """Return the request for a snapshot."""
    spot = market_type == "spot"
    method = "publicGetMarketOrderbookLevel2100" if spot else "futuresPublicGetLevel2Snapshot"
    return CcxtRequest(method, {"symbol": market_id})


def _changed(rows: list[list[Any]]) -> list[Level]:
    return levels([row for row in rows if number(row[0])])


def _snapshot(answer: Any, time_key: str, units_per_ms: int, limit: int | None) -> Snapshot:
    try:
        data = answer["data"]
        sent = data.get(time_key)
        return Snapshot(
            integer(data["sequence"]), levels(data["bids"]), levels(data["asks"]),
            None if sent is None else integer(sent) // units_per_ms, limit=limit,
        )  # fmt: skip
    except (TypeError, LookupError, ValueError, AttributeError) as error:
        raise ValueError(f"the snapshot can't be read: {type(error).__name__}: {error}") from None

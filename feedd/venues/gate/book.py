"""Gate's depth: spot begins with a full book, futures with a snapshot over REST.

https://www.gate.com/docs/developers/apiv4/ws/en/#order-book-v2-api: `U` is one more than the last
`u`, else "unsubscribe from the symbol and resubscribe". A full book may come at any time.
https://www.gate.com/docs/developers/futures/ws/en/#order-book-update-subscription: the first levels
only, as many as the third parameter says; the snapshot has the same number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer, number
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from feedd.books.levels import Level
    from feedd.venues.market_type import MarketType

SPOT_LIMITS = (50, 400)  # updated every 20 ms and every 100 ms
FUTURES_LEVELS = 100  # the most
_DELIVERY = re.compile(r".+_\d{8}")  # the id of a contract with a delivery date


def spot_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the full book or the update of `spot.obu`; a size of "0" removes a level.

    ::

        {"channel":"spot.obu","result":{"t":1777275365213,"full":true,"s":"ob.XRP_USDT.50",
         "u":9649549324,"b":[["1.414","1397.899"]],"a":[["1.415","17344.926"]]},
         "time_ms":1777275365214,"event":"update"}
        {"channel":"spot.obu","result":{"t":1777275365233,"s":"ob.XRP_USDT.50","U":9649549325,
         "u":9649549331,"b":[["1.414","0"]],"a":[]},"time_ms":1777275365234,"event":"update"}
    """
    result = message["result"]
    return _depth(result, levels(result.get("b") or []), levels(result.get("a") or []))


def futures_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the update of `futures.order_book_update`; a size of 0 removes a level.

    ::

        {"time":1684930165,"time_ms":1684930165353,"channel":"futures.order_book_update",
         "event":"update","result":{"U":203083178,"a":[{"p":"0.3047","s":8393}],"b":[],
         "s":"RDNT_USDT","t":1684930165247,"u":203083178}}

    Sizes are contracts; they are texts where decimal sizes are asked for, as ccxt does.
    """
    result = message["result"]
    return _depth(result, _named(result.get("b")), _named(result.get("a")))


def futures_snapshot(answer: Any) -> Snapshot:
    """Return the snapshot of `order_book`; raise ValueError for an answer that can't be parsed.

    ::

        {"current":1684930166.031,"id":203083177,"update":1684930165.217,
         "asks":[{"s":1336,"p":"0.2992"}],"bids":[{"s":20,"p":"0.2972"}]}
    """
    try:
        bids, asks = _named(answer["bids"]), _named(answer["asks"])
        changed = answer.get("update")
        timestamp = None if changed is None else round(number(changed) * 1000)
        return Snapshot(integer(answer["id"]), bids, asks, timestamp)
    except (TypeError, LookupError, ValueError, AttributeError) as error:
        raise ValueError(f"the snapshot can't be read: {type(error).__name__}: {error}") from None


def snapshot_request(market_type: MarketType, market_id: str) -> CcxtRequest:
    """Return the request for the levels that the stream covers, with their id."""
    terms = {"limit": FUTURES_LEVELS, "with_id": True}
    return futures_request(market_type, market_id, "OrderBook", terms)


def futures_request(
    market_type: MarketType, market_id: str, page: str, terms: dict[str, Any]
) -> CcxtRequest:
    """Return the request for a page of a contract, which has a delivery date or none."""
    kind = "Delivery" if _DELIVERY.fullmatch(market_id) else "Futures"
    settle = "btc" if market_type == "inverse" else "usdt"
    return CcxtRequest(
        f"public{kind}GetSettle{page}", {"settle": settle, "contract": market_id, **terms}
    )


def _depth(result: dict[str, Any], bids: list[Level], asks: list[Level]) -> Update | Snapshot:
    last, timestamp = integer(result["u"]), integer(result["t"])
    if result.get("full"):
        return Snapshot(last, bids, asks, timestamp)
    first = integer(result["U"])
    if first > last:
        raise ValueError(f"an update of the book with U {first} and u {last}")
    return Update(first - 1, last, timestamp, bids, asks)


def _named(rows: Any) -> list[Level]:
    return levels([[row["p"], row["s"]] for row in rows or ()])

"""HTX's depth: spot's snapshot is requested on the connection, swaps begin with one.

https://www.htx.com/en-us/opend/newApiPages/?id=7ec53561-7773-11ed-9966-0242ac110003: an update
whose `prevSeqNum` is the last `seqNum` follows the book; the request of the same topic answers
with the whole book. https://www.htx.com/en-us/opend/newApiPages/?id=28c33ab2-77ae-11ed-9966-0242ac110003:
the `version` of an update is one more than the last; the first message is a snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.books.levels import Level

SPOT_LIMITS = (150, 400)  # levels; 5 and 20 are other streams, of every change
SWAP_LIMITS = (150,)


def spot_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the update of `market.<id>.mbp.150`, or the whole book of the answer to a request.

    ::

        {"ch":"market.btcusdt.mbp.150","ts":1583472025885,"tick":{"seqNum":104998984994,
         "prevSeqNum":104998984977,"bids":[[9058.27,0]],"asks":[[9084.27,0.2]]}}
        {"id":"4","rep":"market.btcusdt.mbp.150","status":"ok","ts":1698359289261,
         "data":{"seqNum":104999417756,"bids":[[9058.27,1.2]],"asks":[[9084.27,0.2]]}}

    A size of 0 removes a level. Some messages have no `ts`.
    """
    sent = message.get("ts")
    if "rep" in message:
        book = message["data"]
        timestamp = None if sent is None else integer(sent)
        bids, asks = _present(book["bids"]), _present(book["asks"])
        return Snapshot(integer(book["seqNum"]), bids, asks, timestamp)
    tick = message["tick"]
    before, last = integer(tick["prevSeqNum"]), integer(tick["seqNum"])
    if before > last:
        raise ValueError(f"an update of the book with seqNum {last} and {before} before it")
    bids, asks = levels(tick.get("bids") or []), levels(tick.get("asks") or [])
    return Update(before, last, integer(sent or 0), bids, asks)


def swap_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or update of `market.<id>.depth.size_150.high_freq`.

    ::

        {"ch":"market.BTC-USDT.depth.size_150.high_freq","tick":{"asks":[],"bids":[[43445.74,1],
         [43444.48,0]],"ch":"market.BTC-USDT.depth.size_150.high_freq","event":"update",
         "id":152727500274,"mrid":152727500274,"ts":1645023376098,"version":37536690},
         "ts":1645023376098}

    Sizes are contracts; 0 removes a level.
    """
    tick = message["tick"]
    last, timestamp, event = integer(tick["version"]), integer(tick["ts"]), tick["event"]
    if event == "snapshot":
        return Snapshot(last, _present(tick["bids"]), _present(tick["asks"]), timestamp)
    if event != "update":
        raise ValueError(f"{event!r} is no event of a book")
    bids, asks = levels(tick.get("bids") or []), levels(tick.get("asks") or [])
    return Update(last - 1, last, timestamp, bids, asks)


def spot_request(market_id: str, limit: int | None, new_id: Callable[[], str]) -> list[Any]:
    """Return the request that the stream answers with the whole book."""
    return [{"req": f"market.{market_id}.mbp.{limit or SPOT_LIMITS[0]}", "id": new_id()}]


def _present(rows: list[list[Any]]) -> list[Level]:
    return [level for level in levels(rows) if level[1]]

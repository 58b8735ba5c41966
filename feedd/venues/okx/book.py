"""OKX's depth: the stream begins with a snapshot, and each message names the one before.

https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel
"""

from __future__ import annotations

from typing import Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer

LEVELS = 400  # that `books` covers
IN_SNAPSHOT = -1  # the `prevSeqId` of a snapshot


def to_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or update of `books`.

    ::

        {"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{
         "asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],
         "ts":"1597026383085","checksum":0,"prevSeqId":-1,"seqId":123456}]}

    `action` is `snapshot` or `update`; a level is price, size, a zero that has no meaning, and the
    number of orders. A size of "0" removes a level. "The prevSeqId in the new message matches with
    seqId of the previous message." Without a change for 60 s, a message without levels has both
    equal. After a maintenance of the venue, one message has a `seqId` below its `prevSeqId`.

    `checksum` is not verified: the venue sends 0 in every message
    (https://github.com/ccxt/ccxt/pull/30299).
    """
    (data,) = message["data"]
    bids, asks = levels(data["bids"]), levels(data["asks"])
    before, last = integer(data["prevSeqId"]), integer(data["seqId"])
    timestamp = integer(data["ts"])
    if message["action"] == "snapshot":
        return Snapshot(last, bids, asks, timestamp)
    if message["action"] != "update" or before == IN_SNAPSHOT:
        raise ValueError(f"a book message has action {message['action']} and prevSeqId {before}")
    return Update(before, last, timestamp, bids, asks)

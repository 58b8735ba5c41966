"""Crypto.com's book: it begins with a snapshot, and each update names the one before.

https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#book-instrument_name-depth
"""

from __future__ import annotations

from typing import Any

from feedd.books.depth import Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer

LIMITS = (10, 50)  # numbers of levels


def to_depth(message: dict[str, Any]) -> Update | Snapshot:
    """Return the snapshot or update of `book.<instrument>.<levels>`.

    ::

        {"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP",
         "subscription":"book.BTCUSD-PERP.50","channel":"book","depth":50,
         "data":[{"asks":[["30082.5","0.1689","1"]],"bids":[["30077.0","0.0500","1"]],
                  "t":1654780033786,"tt":1654780033755,"u":542048017824,"cs":0}]}}
        …"channel":"book.update","data":[{"update":{"asks":[["50126.000000","0","0"]],"bids":[]},
                  "t":1647917463003,"tt":1647917463003,"u":7845460002,"pu":7845460001,"cs":0}]

    A level is price, size, number of orders; size "0" removes it. `pu` is the `u` of the message
    before, also of one without levels, which serves as a heartbeat.
    """
    result = message["result"]
    (data,) = result["data"]
    sides = data["update"] if result["channel"] == "book.update" else data
    bids, asks = levels(sides["bids"]), levels(sides["asks"])
    update_id, timestamp = integer(data["u"]), integer(data["t"])
    if sides is data:
        return Snapshot(update_id, bids, asks, timestamp)
    return Update(integer(data["pu"]), update_id, timestamp, bids, asks)

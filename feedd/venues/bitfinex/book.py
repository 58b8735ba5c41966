"""Bitfinex's book: a snapshot and changes of one level, with a checksum of the best 25 after each.

https://docs.bitfinex.com/reference/ws-public-books, https://docs.bitfinex.com/docs/ws-websocket-checksum
"""

from __future__ import annotations

import json
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any
from zlib import crc32

from feedd.books.checksum import ChecksumBook
from feedd.books.depth import Proof, Snapshot, Update
from feedd.books.levels import levels
from feedd.numbers import integer

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMITS = (25,)  # numbers of levels; of more, the checksum would not cover the rest
CHECKED = 25


def rules(_depth: int) -> ChecksumBook:
    """Return the rules of a book."""
    return ChecksumBook(checksum, CHECKED, CHECKED)


def checksum(bids: Iterable[str], asks: Iterable[str]) -> int:
    """Return the signed CRC32 of `price:amount:price:amount:…`: a bid, an ask, and so on.

    The amount of an ask is negative, as sent.
    """
    text = ":".join(one for one in chain(*zip_longest(bids, asks)) if one)
    value = crc32(text.encode())
    return value - (1 << 32) if value >> 31 else value


def to_depth(text: str) -> Update | Snapshot | None:
    """Return the snapshot, change or checksum of the channel `book`; None for a heartbeat.

    A level is price, number of orders, amount; the amount of an ask is negative, and a level
    without orders is removed. The checksum is of the numbers as sent::

        [225206,[[277520,1,0.00383141],[277510,1,0.027],[283460,1,-0.00426663]],17]
        [225206,[279380,0,1],21]
        [225206,"cs",-1367582038,22]
        [225206,"hb",23]
    """
    _, content, *rest = json.loads(text, parse_float=str, parse_int=str)
    if content == "hb":
        return None
    if content == "cs":
        return Update(0, 0, 0, [], [], proof=Proof(integer(rest[0]), [], []))
    whole = not content or isinstance(content[0], list)
    bids: list[Any] = []
    asks: list[Any] = []
    sent_bids: list[str] = []
    sent_asks: list[str] = []
    for price, count, amount in content if whole else [content]:
        if type(amount) is not str:
            raise TypeError(f"{amount!r} in the place of an amount")
        is_ask = amount[:1] == "-"
        size = "0" if integer(count) == 0 else amount.removeprefix("-")
        (asks if is_ask else bids).append([price, size])
        (sent_asks if is_ask else sent_bids).append(f"{price}:{amount}")
    proof = Proof(None, sent_bids, sent_asks)
    if whole:
        return Snapshot(0, levels(bids), levels(asks), proof=proof)
    return Update(0, 0, 0, levels(bids), levels(asks), proof=proof)

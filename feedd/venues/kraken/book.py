"""Kraken's depth: a snapshot and changes, each with a checksum of the best ten levels.

https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
"""

from __future__ import annotations

from decimal import Decimal
from zlib import crc32

import msgspec
from msgspec import Raw, Struct

from feedd.books.checksum import ChecksumBook
from feedd.books.depth import Proof, Snapshot, Update
from feedd.books.levels import Level, levels
from feedd.clock import us_from_iso8601

LIMITS = (10, 25, 100, 500, 1000)  # numbers of levels
US_PER_MS = 1000
CHECKED = 10  # levels per side that the checksum covers, whatever the subscription's number


class _Level(Struct, gc=False):
    price: Raw
    qty: Raw


class _Book(Struct, gc=False):
    symbol: str
    checksum: int
    bids: list[_Level]
    asks: list[_Level]
    timestamp: str | None = None


class _Message(Struct, gc=False):
    type: str
    data: list[_Book]


_DECODER = msgspec.json.Decoder(_Message)


def rules(depth: int) -> ChecksumBook:
    """Return the rules of a book of which `depth` levels are published."""
    return ChecksumBook(checksum, CHECKED, next(limit for limit in LIMITS if limit >= depth))


def checksum(bids: list[str], asks: list[str]) -> int:
    """Return Kraken's checksum of the texts of levels: the asks' are before the bids'."""
    return crc32("".join((*asks, *bids)).encode())


def to_depth(text: str) -> Update | Snapshot:
    """Return the snapshot or update of `book`.

    The documents' snapshot, whose checksum is right::

        {"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD",
         "bids":[{"price":45283.5,"qty":0.10000000},{"price":45283.4,"qty":1.54582015}],
         "asks":[{"price":45285.2,"qty":0.00100000},{"price":45286.4,"qty":1.54571953}],
         "checksum":3310070434}]}

    An update::

        {"channel":"book","type":"update","data":[{"symbol":"MATIC/USD",
         "bids":[{"price":0.5657,"qty":1098.3947558}],"asks":[],"checksum":2114181697,
         "timestamp":"2023-10-06T17:35:55.440295Z"}]}

    Updates have no ids; their times, those of the matching engine, never fall. A qty of 0 removes a
    level. Prices and quantities are sent with all their decimals, and the checksum contains the
    zeros at their ends, so that it is made of the message's text.
    """
    try:
        message = _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    (book,) = message.data
    bids, bid_texts = _side(book.bids)
    asks, ask_texts = _side(book.asks)
    proof = Proof(book.checksum, bid_texts, ask_texts)
    order = 0 if book.timestamp is None else us_from_iso8601(book.timestamp)
    timestamp = order // US_PER_MS or None
    if message.type == "snapshot":
        # Its time may be that of the answer, which is later than that of a following update.
        return Snapshot(0, bids, asks, timestamp, proof=proof)
    if message.type != "update":
        raise ValueError(f"a book message of type {message.type!r}")
    return Update(0, 0, timestamp or 0, bids, asks, order, proof)


def _side(rows: list[_Level]) -> tuple[list[Level], list[str]]:
    texts = [[bytes(row.price).decode(), bytes(row.qty).decode()] for row in rows]
    return levels(texts), [_digits(price) + _digits(qty) for price, qty in texts]


def _digits(number: str) -> str:
    """Return a number without its point and the zeros at its beginning."""
    if "e" in number or "E" in number:
        number = format(Decimal(number), "f")
    return number.replace(".", "").lstrip("0")

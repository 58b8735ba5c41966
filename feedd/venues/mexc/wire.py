"""MEXC's binary frames: the few fields of Protocol Buffers that are read.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams,
https://github.com/mexcdevelop/websocket-proto, https://protobuf.dev/programming-guides/encoding.

A reader of its own: the messages are flat and few, and a package would be one more for everybody.
"""

from __future__ import annotations

from typing import Any

VARINT, FIXED64, TEXT, FIXED32 = 0, 1, 2, 5  # wire types
LONGEST_VARINT = 10  # bytes
CHANNEL, SYMBOL, CREATED, SENT, FIRST_BODY = 1, 3, 5, 6, 301  # fields of the wrapper
ASKS, BIDS = 1, 2  # fields of the depth; those of a level are price and quantity
ASKS_TAG, BIDS_TAG = ASKS << 3 | TEXT, BIDS << 3 | TEXT
PRICE_TAG, QUANTITY_TAG = 1 << 3 | TEXT, 2 << 3 | TEXT
LONGER = 0x80  # a length from here on is of several bytes


def decode(frame: bytes) -> dict[str, Any]:
    """Return the wrapper of every message, `PushDataV3ApiWrapper`, with its body still packed.

    ::

        {channel: "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT", symbol: "BTCUSDT",
         sendTime: 1754741322152, publicAggreDepths: {…}}
    """
    message: dict[str, Any] = {"channel": "", "symbol": None, "time": None, "body": b""}
    for number, value in fields(frame):
        if number == CHANNEL:
            message["channel"] = text(value)
        elif number == SYMBOL:
            message["symbol"] = text(value)
        elif number == SENT or (number == CREATED and message["time"] is None):
            message["time"] = value
        elif number >= FIRST_BODY:
            message["body"] = packed(value)
    return message


def fields(data: bytes) -> list[tuple[int, Any]]:
    """Return the numbers and values of a message's fields, in their order.

    A text or a message is bytes. Raises ValueError for bytes that are no message.
    """
    found: list[tuple[int, Any]] = []
    at, end = 0, len(data)
    while at < end:
        number, value, at = _field(data, at)
        found.append((number, value))
    if at > end:
        raise ValueError("a frame that ends within a field")
    return found


def sides(data: bytes) -> tuple[list[list[str]], list[list[str]], dict[int, Any]]:
    """Return the bids and the asks of `PublicAggreDepthsV3Api`, and its other fields.

    A level is a price and a quantity. Where all lengths are of one byte, it is cut out at once.
    """
    bids: list[list[str]] = []
    asks: list[list[str]] = []
    others: dict[int, Any] = {}
    letters = data.decode("latin-1")  # of which a part is a text; digits are the same in UTF-8
    at, end = 0, len(data)
    while at < end:
        tag = data[at]
        if tag in (ASKS_TAG, BIDS_TAG) and at + 4 < end:
            stop = at + 2 + data[at + 1]
            middle = at + 4 + data[at + 3]
            if (
                middle + 1 < stop <= end
                and data[at + 2] == PRICE_TAG
                and data[middle] == QUANTITY_TAG
                and middle + 2 + data[middle + 1] == stop
                and data[at + 1] < LONGER
            ):
                row = [letters[at + 4 : middle], letters[middle + 2 : stop]]
                (bids if tag == BIDS_TAG else asks).append(row)
                at = stop
                continue
        number, value, at = _field(data, at)
        if number in (ASKS, BIDS):
            (bids if number == BIDS else asks).append(texts(packed(value), 2))
        else:
            others[number] = value
    if at > end:
        raise ValueError("a frame that ends within a field")
    return bids, asks, others


def texts(data: bytes, count: int) -> list[str]:
    """Return the texts of a message's fields 1 to `count`; one that is missing is empty."""
    found = [""] * count
    for number, value in fields(data):
        if number <= count:
            found[number - 1] = text(value)
    return found


def text(value: Any) -> str:
    """Return a field's text; raise ValueError where it has none."""
    return packed(value).decode()


def packed(value: Any) -> bytes:
    """Return a field's bytes; raise ValueError where it has a number."""
    if type(value) is not bytes:
        raise ValueError(f"the number {value!r} in the place of a text or a message")
    return value


def _field(data: bytes, at: int) -> tuple[int, Any, int]:
    """Return the number and the value of the field at a place, and the place after it."""
    tag, at = _varint(data, at)
    kind = tag & 7
    if kind == TEXT:
        size, at = _varint(data, at)
        return tag >> 3, data[at : at + size], at + size
    if kind == VARINT:
        value, at = _varint(data, at)
        return tag >> 3, value, at
    if kind in (FIXED64, FIXED32):
        size = 8 if kind == FIXED64 else 4
        return tag >> 3, data[at : at + size], at + size
    raise ValueError(f"a field of the wire type {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    try:
        byte = data[at]
        if byte < 0x80:
            return byte, at + 1
        value, shift = byte & 0x7F, 7
        for after in range(at + 1, at + LONGEST_VARINT):
            byte = data[after]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, after + 1
            shift += 7
    except IndexError:
        raise ValueError("a frame that ends within a number") from None
    raise ValueError("a number of more than 64 bits")

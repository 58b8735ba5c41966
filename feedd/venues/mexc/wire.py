"""MEXC's binary frames: the few fields of Protocol Buffers that are read.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams,
https://github.com/mexcdevelop/websocket-proto, https://protobuf.dev/programming-guides/encoding.

A reader of its own: the messages are flat, of three kinds of values, and read in the time that it
takes to copy them out of a library's objects.
"""

from __future__ import annotations

from typing import Any

VARINT, FIXED64, TEXT, FIXED32 = 0, 1, 2, 5  # wire types
LONGEST_VARINT = 10  # bytes
CHANNEL, SYMBOL, CREATED, SENT, FIRST_BODY = 1, 3, 5, 6, 301  # fields of the wrapper
PRICE_TAG, QUANTITY_TAG = 1 << 3 | TEXT, 2 << 3 | TEXT


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
    value: Any
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == TEXT:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        elif kind == VARINT:
            value, at = _varint(data, at)
        elif kind == FIXED64:
            value, at = data[at : at + 8], at + 8
        elif kind == FIXED32:
            value, at = data[at : at + 4], at + 4
        else:
            raise ValueError(f"a field of the wire type {kind}")
        if at > end:
            raise ValueError("a frame that ends within a field")
        found.append((tag >> 3, value))
    return found


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


def level(data: bytes) -> list[str]:
    """Return the price and the quantity of a level, `PublicAggreDepthV3ApiItem`."""
    end = len(data)
    if end > 3 and data[0] == PRICE_TAG:
        middle = 2 + data[1]  # a length below 128 is one byte
        if (
            middle + 1 < end
            and data[middle] == QUANTITY_TAG
            and middle + 2 + data[middle + 1] == end
        ):
            return [data[2:middle].decode(), data[middle + 2 :].decode()]
    return texts(data, 2)


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

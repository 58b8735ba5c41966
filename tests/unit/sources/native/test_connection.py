"""A connection's bursts, over a real socket: frames received together are delivered together."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from picows import ws_connect

from feedd.clock import Clock
from feedd.sources.native.connection import NativeConnection
from feedd.venues.binance import messages
from feedd.venues.binance.native import USDM

QUOTE = b'{"e":"bookTicker","u":%d,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4","E":5,"T":5}'
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def text_frame(payload: bytes) -> bytes:
    assert len(payload) < 126
    return bytes([0x81, len(payload)]) + payload


def u_of(_line: NativeConnection, message: Any, _payload: bytes, _ns: int) -> int:
    return message.id


async def callbacks_of(
    sent: bytes, take: Callable[..., int] = u_of
) -> tuple[list[Any], NativeConnection]:
    """Return a connection's callbacks for bytes that the exchange sends at once before closing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line.split(b": ")[1]
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        await writer.drain()
        await asyncio.wait_for(reader.read(1), 10)  # until the line is there: it sends a ping
        writer.write(sent)
        await writer.drain()
        writer.close()

    calls: list[Any] = []
    line = NativeConnection(
        USDM,
        "BTCUSDT",
        {messages.BookTicker: lambda *quote: calls.append(take(*quote))},
        lambda _line, channel, reason: calls.append((channel, reason)),
        lambda _line, channel, reason: calls.append((channel, reason)),
        lambda begins: calls.append("burst" if begins else "over"),
        Clock(),
    )
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await ws_connect(lambda: line, f"ws://127.0.0.1:{port}/")
        line.subscribe("quote", "btcusdt@bookTicker")
        await asyncio.wait_for(asyncio.shield(line.lost), 10)
        await asyncio.sleep(0)
    return calls, line


def test_events_received_together_are_delivered_in_one_burst() -> None:
    calls, _ = asyncio.run(callbacks_of(b"".join(text_frame(QUOTE % n) for n in range(5))))
    assert [one for one in calls if isinstance(one, int)] == list(range(5))
    assert calls[0] == "burst"
    assert calls.count("burst") == calls.count("over")
    assert calls[-1] == "over"


def test_an_event_that_comes_alone_is_in_no_burst() -> None:
    calls, _ = asyncio.run(callbacks_of(text_frame(QUOTE % 7)))
    assert calls == [7]


@pytest.mark.parametrize("bad", [b"\x83\x00", b"\xf1\x00", b'\x81\x05{"e":', b"\x88\x00"])
def test_a_burst_ends_also_where_it_is_cut_off(bad: bytes) -> None:
    calls, _ = asyncio.run(callbacks_of(b"".join(text_frame(QUOTE % n) for n in range(3)) + bad))
    assert calls[0] == "burst"
    assert calls.count("burst") == calls.count("over")


def test_a_burst_ends_also_where_an_event_of_it_can_not_be_taken() -> None:
    def take(line: NativeConnection, message: Any, payload: bytes, ns: int) -> int:
        if message.id == 2:  # the last
            raise RuntimeError("a mistake of ours")
        return u_of(line, message, payload, ns)

    calls, _ = asyncio.run(callbacks_of(b"".join(text_frame(QUOTE % n) for n in range(3)), take))
    assert calls == ["burst", 0, 1, "over"]

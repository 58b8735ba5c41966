"""Faults applied to whole connections, immediately."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_MS
from feedd.config.faults import parameter
from feedd.embedded.faults import replies
from feedd.embedded.frames import close_frame

if TYPE_CHECKING:
    from feedd.embedded.client_connection import ClientConnection
    from feedd.embedded.faults.registry import ActiveFault

_NO_LINGER = struct.pack("ii", 1, 0)  # closing sends RST and discards unsent data


async def strike(active: ActiveFault, client: ClientConnection) -> None:
    """Apply a fault to a connection."""
    name = active.name
    if name == "close":
        await _close(active, client)
    elif name == "shutdown":
        await _shut_down(active, client)
    elif name == "close_without_fin":
        client.silence(name)
        code, text = parameter(active.fault, "code"), parameter(active.fault, "text")
        client.write_frames([close_frame(code, text)])
    elif name == "fin":
        client.ended("exchange", name)
        if client.transport is not None:
            client.transport.close()
    elif name == "reset":
        client.ended("exchange", name)
        reset(client.transport)
    elif name == "error":
        client.write([replies.error(active, client.exchange)])
    elif name == "restart":
        _restart(active, client)


def reset(transport: asyncio.Transport | None) -> None:
    """Drop a connection so that its other side sees a reset."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


async def _close(active: ActiveFault, client: ClientConnection) -> None:
    client.ended("exchange", active.name)
    code, text = parameter(active.fault, "code"), parameter(active.fault, "text")
    await client.response.close(code=code, message=text.encode())


async def _shut_down(active: ActiveFault, client: ClientConnection) -> None:
    """Announce the end, and close the connection if the client is still there."""
    if client.exchange != "bybit":
        client.write([replies.shutdown(time.time_ns() // NS_PER_MS)])
    await asyncio.sleep(parameter(active.fault, "delay_s"))
    if client.reachable:
        await _close(active, client)


def _restart(active: ActiveFault, client: ClientConnection) -> None:
    """Resubscribe, so that each book begins with a snapshot, numbered from 1 by `event_faults`."""
    for stream in client.connection.streams():
        if stream.name.startswith("orderbook.") and active.meets(client.exchange, stream.name):
            client.event_faults.restart(stream.name)
            client.market.unsubscribe(stream, client)
            client.market.subscribe(stream, client)

"""Bound on the number of connections: further ones get an error and are closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from aiohttp.web import Server

MAX_CONNECTIONS = 500
_BODY = msgspec.json.encode(
    {
        "error": f"{MAX_CONNECTIONS} connections are open already",
        "remedy": "close other clients, and connect again",
    }
)
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(_BODY), _BODY)
)


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  of a TCP server
        transport.write(_REFUSAL)
        transport.close()


class LimitedServer:
    """Factory of a server's protocols that refuses connections beyond a limit."""

    def __init__(self, server: Server, limit: int = MAX_CONNECTIONS) -> None:
        self._server = server
        self._limit = limit

    def __call__(self) -> asyncio.BaseProtocol:
        """Return the protocol of a new connection."""
        if len(self._server.connections) >= self._limit:
            return _Refusal()
        return self._server()

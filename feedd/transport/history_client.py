"""Client of the history services for single requests, for an asyncio loop.

Each request has a socket of its own, in a thread: a service that has restarted, or does not answer,
leaves nothing behind. Requests are rare; the subscribers' own repairs use
`feedd.transport.client_sockets`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import zmq
from msgspec import Struct

from feedd.codec import UNREADABLE, encode
from feedd.errors import FeeddError
from feedd.transport.client_sockets import MAX_RESPONSE_BYTES
from feedd.transport.endpoints import connectable
from feedd.transport.sockets import make_socket

if TYPE_CHECKING:
    from collections.abc import Sequence

RESPONSE_TIMEOUT_S = 2.0
AT_ONCE = 2  # requests: a response has up to 4 MB
WAITING = 32  # further requests are refused


class HistoryRange(Struct, frozen=True):
    """Messages of a topic and session as published; the service holds `low` to `high` of it."""

    low: int | None
    high: int | None
    messages: list[tuple[bytes, bytes]]


_decode = msgspec.msgpack.Decoder(HistoryRange).decode


class NoHistoryError(FeeddError):
    """No history service has answered."""


class BusyError(FeeddError):
    """Too many requests wait already."""


class HistoryClient:
    """Requests to the history service of each proxy, in turn until one has the range."""

    def __init__(self, endpoints: Sequence[str], timeout_s: float = RESPONSE_TIMEOUT_S) -> None:
        self._endpoints = list(endpoints)
        self._timeout_s = timeout_s
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._threads = ThreadPoolExecutor(AT_ONCE, "history-client")
        self._waiting = 0

    async def range(self, topic: str, session: int, first: int, last: int) -> HistoryRange:
        """Return the messages `first` to `last` that a service has: the first ones, up to 4 MB.

        Raises NoHistoryError if no service answers, and BusyError.
        """
        if self._waiting >= WAITING:
            raise BusyError(f"{WAITING} requests to the history wait already")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._range, topic, session, first, last
            )
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Close the sockets; requests that wait end with their timeout."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._context.destroy(linger=0)

    def _range(self, topic: str, session: int, first: int, last: int) -> HistoryRange:
        request = encode(
            {"op": "replay", "topic": topic, "session": session, "from": first, "to": last}
        )
        best: HistoryRange | None = None
        for endpoint in self._endpoints:
            found = self._ask(endpoint, request)
            if found is not None and found.messages:
                return found
            best = best or found
        if best is None:
            raise NoHistoryError(
                f"{' and '.join(self._endpoints)} did not answer within {self._timeout_s:g} s"
            )
        return best

    def _ask(self, endpoint: str, request: bytes) -> HistoryRange | None:
        socket: zmq.Socket[Any] = make_socket(self._context, zmq.DEALER)
        try:
            socket.linger = 0
            socket.maxmsgsize = MAX_RESPONSE_BYTES
            socket.connect(connectable(endpoint))
            socket.send(request)
            if not socket.poll(int(self._timeout_s * 1000)):
                return None
            return _decode(socket.recv_multipart()[-1])
        except (*UNREADABLE, zmq.ZMQError):
            return None
        finally:
            socket.close()

"""Publisher of recorded messages for a supervised replay: a worker's socket.

It drops messages for a slow subscriber, as a live worker does, or, `lossless`, waits for it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import zmq

from feedd.runtime.bind_retry import bind_with_retry
from feedd.transport.endpoints import connectable
from feedd.transport.replay_sockets import RESEND_MS, subscription_frames, terminate
from feedd.transport.sockets import (
    PROXY_MARK,
    SUBSCRIBE,
    bind,
    make_lossless,
    make_socket,
)
from feedd.transport.unix_connections import UnixConnections, read_by_peers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MORE = int(zmq.SNDMORE)


class ReplayPublisher:
    """A worker's socket for recorded messages.

    It binds the worker's port and connects to the proxies. As the connecting side keeps its queue
    in libzmq while the peer is disconnected, no message is lost when a proxy restarts. The socket
    is an XPUB, which peers see as a PUB: it shows subscriptions, and so when a proxy is connected.
    """

    def __init__(self, *, lossless: bool) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = make_socket(self._context, zmq.XPUB)
        if lossless:
            make_lossless(self._socket, RESEND_MS)
        # What pyzmq's `send` calls, after checks for options that this socket never has.
        self._send = super(zmq.Socket, self._socket).send
        self._proxies: set[bytes] = set()  # marks of those that receive messages
        self._connections = UnixConnections(self._socket)

    async def bind(self, endpoint: str) -> None:
        """Bind the worker's port with retries; raise EndpointInUseError if it stays in use."""
        await bind_with_retry(lambda: bind(self._socket, endpoint))

    @property
    def proxies_connected(self) -> int:
        """Number of proxies that receive messages, or did before they disconnected."""
        return len(self._proxies)

    async def connect(self, proxies: Sequence[str], timeout_s: float) -> bool:
        """Connect to the proxies and wait until all receive messages; return whether they do.

        Reconnects in the background without end, also after the timeout.
        """
        for proxy in proxies:
            self._socket.connect(connectable(proxy))
        deadline = time.monotonic() + timeout_s
        while self.proxies_connected < len(proxies) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
            self.read_subscriptions()
        return self.proxies_connected >= len(proxies)

    def read_subscriptions(self) -> None:
        """Read new subscriptions and cancellations, and which proxies are connected."""
        self._connections.read_events()
        for frame in subscription_frames(self._socket):
            mark = frame[1:]
            if not mark.startswith(PROXY_MARK):
                continue
            if frame[:1] == SUBSCRIBE:
                self._proxies.add(mark)
            else:
                self._proxies.discard(mark)

    def send(self, topic: bytes, payload: bytes) -> bool:
        """Send a message; return False if a slow subscriber blocks it."""
        try:
            self._send(topic, MORE)
        except zmq.Again:
            return False
        self._send(payload)  # the second part of a message never raises Again
        return True

    def close_when_sent(self, stop: Callable[[float], bool]) -> bool:
        """Close when everything is sent; return whether it was.

        To proxies at Unix sockets: when they have read it; to others: when their systems have it.
        `stop` waits for the given seconds and returns whether to close at once.
        """
        with self._connections.kept_open() as kept:
            self._socket.close(linger=-1)
            return terminate(self._context, stop) and read_by_peers(kept, stop)

    def close(self) -> None:
        """Send what is queued, for at most the linger time, and close."""
        self._connections.close()
        self._socket.close()
        self._context.term()

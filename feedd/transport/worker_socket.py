"""A replay's one socket, of libzmq's: it binds the port of its own and connects to the proxies.

Connecting to a bound proxy, instead of being connected to, is what keeps messages over a
restart of the proxy: on the connecting side libzmq keeps the queue while the peer is away.

The socket is an XPUB, which to every peer is a PUB; but it shows who subscribes, and so tells
when a proxy is there.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import zmq

from feedd.patience import bind_patiently
from feedd.transport.endpoints import connectable
from feedd.transport.sockets import PROXY_MARK, SUBSCRIBE, bind, make_socket

if TYPE_CHECKING:
    from collections.abc import Sequence

MORE = int(zmq.SNDMORE)
SUBSCRIPTIONS_AT_ONCE = 10_000  # read in one go, so that a flood of them can't stop the replay


class WorkerSocket:
    """A worker's socket, whatever it publishes."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = make_socket(self._context, zmq.XPUB)
        # What pyzmq's `send` itself calls, after looking for options that this socket never has.
        self._send = super(zmq.Socket, self._socket).send
        self._proxies: set[bytes] = set()  # the marks of those that take messages

    async def bind(self, endpoint: str) -> None:
        """Bind the own port, patiently; raise EndpointInUseError when it stays taken."""
        await bind_patiently(lambda: bind(self._socket, endpoint))

    @property
    def proxies_connected(self) -> int:
        """How many proxies take messages, or did before they went away."""
        return len(self._proxies)

    async def connect(self, proxies: Sequence[str], timeout_s: float) -> bool:
        """Connect to the proxies and wait until all take messages; return whether they do.

        After the timeout the connections are still tried in the background, for ever.
        """
        for proxy in proxies:
            self._socket.connect(connectable(proxy))
        deadline = time.monotonic() + timeout_s
        while self.proxies_connected < len(proxies) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
            self.read_subscriptions()
        return self.proxies_connected >= len(proxies)

    def read_subscriptions(self) -> None:
        """Take in who came and went."""
        for _ in range(SUBSCRIPTIONS_AT_ONCE):
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            mark = frame[1:]
            if not mark.startswith(PROXY_MARK):
                continue
            if frame[:1] == SUBSCRIBE:
                self._proxies.add(mark)
            else:
                self._proxies.discard(mark)

    def close(self) -> None:
        """Send what is queued, for at most the linger time, and close."""
        self._socket.close()
        self._context.term()

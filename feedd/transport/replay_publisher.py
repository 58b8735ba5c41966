"""Publishers of frames as they are: a worker's, and one that serves subscribers by itself.

Both drop for a subscriber that is slow, as a live worker does, or, `lossless`, wait for it.
"""

from __future__ import annotations

import asyncio
import re
import socket as sockets
import threading
import time
from typing import TYPE_CHECKING

import zmq

from feedd.errors import EndpointInUseError
from feedd.runtime.bind_retry import bind_with_retry
from feedd.transport.endpoints import connectable
from feedd.transport.proxy import FORWARDED, LOOK_MS, SETTLE_MS, SUBSCRIPTION_BYTES
from feedd.transport.sockets import (
    PROXY_MARK,
    SUBSCRIBE,
    bind,
    make_lossless,
    make_socket,
    wants_data,
)
from feedd.transport.subscription_guard import SubscriptionGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MORE = int(zmq.SNDMORE)
SUBSCRIPTIONS_AT_ONCE = 10_000  # read in one go, so that a flood of them can't stop the replay
RESEND_MS = 100  # so often a send that waits looks whether it still should


class ReplayPublisher:
    """A worker's one socket for frames that were published before.

    It binds the port of its own and connects to the proxies. Connecting to a bound proxy, instead
    of being connected to, is what keeps messages over a restart of the proxy: on the connecting
    side libzmq keeps the queue while the peer is away. The socket is an XPUB, which to every peer
    is a PUB; but it shows who subscribes, and so tells when a proxy is there.
    """

    def __init__(self, *, lossless: bool) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = make_socket(self._context, zmq.XPUB)
        if lossless:
            make_lossless(self._socket, RESEND_MS)
        # What pyzmq's `send` itself calls, after looking for options that this socket never has.
        self._send = super(zmq.Socket, self._socket).send
        self._proxies: set[bytes] = set()  # the marks of those that take messages

    async def bind(self, endpoint: str) -> None:
        """Bind the own port, patiently; raise EndpointInUseError when it stays taken."""
        await bind_with_retry(lambda: bind(self._socket, endpoint))

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
        for frame in _subscriptions(self._socket):
            mark = frame[1:]
            if not mark.startswith(PROXY_MARK):
                continue
            if frame[:1] == SUBSCRIBE:
                self._proxies.add(mark)
            else:
                self._proxies.discard(mark)

    def send(self, topic: bytes, payload: bytes) -> bool:
        """Send a message; return False where it was not sent because a subscriber is behind."""
        try:
            self._send(topic, MORE)
        except zmq.Again:
            return False
        self._send(payload)  # as many messages wait as before it: never Again
        return True

    def close_when_sent(self, stop: Callable[[float], bool]) -> bool:
        """Close when all is sent; `stop` waits so many seconds and says whether to end at once.

        Returns whether all was sent: handed to the systems of those who subscribe.
        """
        self._socket.close(linger=-1)
        return _ended(self._context, stop)

    def close(self) -> None:
        """Send what is queued, for at most the linger time, and close."""
        self._socket.close()
        self._context.term()


class ReplayEndpoint:
    """Serves subscribers by itself, at an endpoint where they would else find a proxy.

    For a `History` it is what a proxy is: bind it, connect histories, start. It belongs to one
    thread at a time.
    """

    def __init__(self, *, lossless: bool) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.forwarded = FORWARDED
        self.guard = SubscriptionGuard(self.context)
        self.histories = 0  # that hear it, each by a subscription to everything
        self._lossless = lossless
        self._socket = make_socket(self.context, zmq.XPUB)
        self._socket.maxmsgsize = SUBSCRIPTION_BYTES
        self._socket.xpub_verbose = True  # a history subscribes to all: others would not be seen
        if lossless:
            make_lossless(self._socket, RESEND_MS)
        self.guard.watch(self._socket, quota=True)
        self._socket.bind(FORWARDED)
        self._send = super(zmq.Socket, self._socket).send
        self._unheard = 0  # the histories' own subscriptions, that are no subscriber's
        self.subscribed = False  # whether somebody ever subscribed to more than statuses

    def bind(self, endpoint: str) -> None:
        """Bind for subscribers; raise EndpointInUseError, also for a socket file that is heard."""
        path = re.fullmatch(r"ipc://(.+)", endpoint)
        if path is not None and _is_heard(path[1]):  # libzmq would take it away from its owner
            raise EndpointInUseError(f"{endpoint} is in use; stop what holds it")
        bind(self._socket, endpoint)

    def start(self) -> None:
        """Begin; histories are connected."""
        self._socket.poll(0)
        self._unheard = self.histories
        self.guard.start()

    def wait_for_subscriber(self, stop: threading.Event) -> bool:
        """Wait until somebody subscribes to more than statuses, and nobody else for SETTLE_MS.

        Return False when told to stop.
        """
        settled_s = float("inf")
        while time.monotonic() < settled_s:
            if stop.is_set():
                return False
            if self._socket.poll(LOOK_MS):
                self.read_subscriptions()
                if self.subscribed:
                    settled_s = time.monotonic() + SETTLE_MS / 1000
        return True

    def read_subscriptions(self) -> None:
        """Take in who came and went."""
        for frame in _subscriptions(self._socket):
            if frame == SUBSCRIBE and self._unheard:
                self._unheard -= 1
            else:
                self.subscribed = self.subscribed or wants_data(frame)

    def send(self, topic: bytes, payload: bytes) -> bool:
        """Send a message; return False where it was not sent because a subscriber is behind."""
        try:
            self._send(topic, MORE)
        except zmq.Again:
            return False
        self._send(payload)
        return True

    def close_when_sent(self, stop: Callable[[float], bool]) -> bool:
        """Close when all is sent; histories are stopped before. See `ReplayPublisher`."""
        self._end(-1 if self._lossless else None)
        return _ended(self.context, stop)

    def close(self) -> None:
        """Close at once; what is queued is gone."""
        self._end(0)
        self.context.term()

    def _end(self, linger_ms: int | None) -> None:
        self.guard.stop()
        self._socket.close(linger=linger_ms)


def _subscriptions(socket: zmq.Socket[bytes]) -> Iterator[bytes]:
    """Yield what subscribers have sent, as far as it is there."""
    for _ in range(SUBSCRIPTIONS_AT_ONCE):
        try:
            yield socket.recv(zmq.NOBLOCK)
        except zmq.Again:
            return


def _ended(context: zmq.Context[zmq.Socket[bytes]], stop: Callable[[float], bool]) -> bool:
    """End a context whose sockets are closed; until they have sent all, or not any longer.

    libzmq waits where nothing can interrupt it: so that is done in a thread, which is left behind.
    """
    ending = threading.Thread(target=context.term, name="sending", daemon=True)
    ending.start()
    while ending.is_alive():
        if stop(RESEND_MS / 1000):
            return False
    return True


def _is_heard(path: str) -> bool:
    """Whether somebody listens at a Unix socket."""
    with sockets.socket(sockets.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True

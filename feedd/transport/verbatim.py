"""Publishers of frames as they are: a worker's, and one that serves subscribers by itself.

Both drop for a subscriber that is slow, as a live worker does, or, `lossless`, wait for it.
"""

from __future__ import annotations

import re
import socket as sockets
import threading
import time
from typing import TYPE_CHECKING

import zmq

from feedd.errors import EndpointInUseError
from feedd.transport.guard import Guard
from feedd.transport.proxy import FORWARDED, LOOK_MS, SETTLE_MS, SUBSCRIPTION_BYTES
from feedd.transport.sockets import SUBSCRIBE, bind, make_lossless, make_socket, wants_data
from feedd.transport.worker_socket import MORE, SUBSCRIPTIONS_AT_ONCE, WorkerSocket

if TYPE_CHECKING:
    from collections.abc import Callable

RESEND_MS = 100  # so often a send that waits looks whether it still should


class VerbatimPublisher(WorkerSocket):
    """A worker's socket for frames that were published before."""

    def __init__(self, *, lossless: bool) -> None:
        super().__init__()
        if lossless:
            make_lossless(self._socket, RESEND_MS)

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


class VerbatimEndpoint:
    """Serves subscribers by itself, at an endpoint where they would else find a proxy.

    For a `History` it is what a proxy is: bind it, connect histories, start. It belongs to one
    thread at a time.
    """

    def __init__(self, *, lossless: bool) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.forwarded = FORWARDED
        self.guard = Guard(self.context)
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
        for _ in range(SUBSCRIPTIONS_AT_ONCE):
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
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
        """Close when all is sent; histories are stopped before. See `VerbatimPublisher`."""
        self._end(-1 if self._lossless else None)
        return _ended(self.context, stop)

    def close(self) -> None:
        """Close at once; what is queued is gone."""
        self._end(0)
        self.context.term()

    def _end(self, linger_ms: int | None) -> None:
        self.guard.stop()
        self._socket.close(linger=linger_ms)


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

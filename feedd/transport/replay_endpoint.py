"""Publisher of recorded messages for a replay without a proxy: serves subscribers itself.

It drops messages for a slow subscriber, as a live proxy does, or, `lossless`, waits for it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import zmq

from feedd.transport.proxy import FORWARDED, POLL_MS, SETTLE_MS, SUBSCRIPTION_BYTES
from feedd.transport.replay_sockets import RESEND_MS, subscription_frames, terminate
from feedd.transport.sockets import SUBSCRIBE, bind, make_lossless, make_socket, wants_data
from feedd.transport.subscription_guard import SubscriptionGuard

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

MORE = int(zmq.SNDMORE)


class ReplayEndpoint:
    """Serves subscribers at an endpoint that is otherwise a proxy's.

    For a `History` it uses it like a proxy: bind it, connect histories, start. It belongs to one
    thread at a time.
    """

    def __init__(self, *, lossless: bool) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.forwarded = FORWARDED
        self.guard = SubscriptionGuard(self.context)
        self.histories = 0  # connected ones, each of which subscribes to everything
        self._lossless = lossless
        self._socket = make_socket(self.context, zmq.XPUB)
        self._socket.maxmsgsize = SUBSCRIPTION_BYTES
        # A history subscribes to everything, which would hide later subscriptions.
        self._socket.xpub_verbose = True
        if lossless:
            make_lossless(self._socket, RESEND_MS)
        self.guard.watch(self._socket, quota=True)
        self._socket.bind(FORWARDED)
        self._send = super(zmq.Socket, self._socket).send
        self._history_subscriptions = 0  # expected ones, which are not a subscriber's
        self.subscribed = False  # whether any client has subscribed to more than statuses

    def bind(self, endpoint: str) -> None:
        """Bind for subscribers; raise EndpointInUseError, also for a socket file in use."""
        bind(self._socket, endpoint)

    def start(self) -> None:
        """Start; the histories must be connected."""
        self._socket.poll(0)
        self._history_subscriptions = self.histories
        self.guard.start()

    def wait_for_subscriber(self, stop: threading.Event) -> bool:
        """Wait for a subscription to more than statuses, then SETTLE_MS; False on a stop."""
        settled_s = float("inf")
        while time.monotonic() < settled_s:
            if stop.is_set():
                return False
            if self._socket.poll(POLL_MS):
                self.read_subscriptions()
                if self.subscribed:
                    settled_s = time.monotonic() + SETTLE_MS / 1000
        return True

    def read_subscriptions(self) -> None:
        """Read new subscriptions and cancellations."""
        for frame in subscription_frames(self._socket):
            if frame == SUBSCRIBE and self._history_subscriptions:
                self._history_subscriptions -= 1
            else:
                self.subscribed = self.subscribed or wants_data(frame)

    def send(self, topic: bytes, payload: bytes) -> bool:
        """Send a message; return False if a slow subscriber blocks it."""
        try:
            self._send(topic, MORE)
        except zmq.Again:
            return False
        self._send(payload)
        return True

    def close_when_sent(self, stop: Callable[[float], bool]) -> bool:
        """Close when everything is sent, as `ReplayPublisher`; stop the histories before."""
        self._end(-1 if self._lossless else None)
        return terminate(self.context, stop)

    def close(self) -> None:
        """Close at once, and discard what is queued."""
        self._end(0)
        self.context.term()

    def _end(self, linger_ms: int | None) -> None:
        self.guard.stop()
        self._socket.close(linger=linger_ms)

"""Proxy: XSUB bound for workers, PUB bound for subscribers, and libzmq's loop between them.

A PUB instead of an XPUB, so that only the proxy stores subscriptions. An XPUB passes each one to
the loop, which forwards it to every worker, and these store it too: 300,000 topics of one
subscriber took 650 MB here and 400 MB in each worker, and delayed everybody by 3 s.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import zmq

from feedd.runtime.bind_retry import bind_with_retry
from feedd.runtime.realtime import PRIORITY, enter_realtime
from feedd.transport.sockets import (
    LOSSLESS_HIGH_WATER_MARK,
    PROXY_MARK,
    SUBSCRIBE,
    bind,
    make_lossless,
    make_socket,
    wants_data,
)
from feedd.transport.subscription_guard import SubscriptionGuard

if TYPE_CHECKING:
    from feedd.config.settings import ProxySettings

SUBSCRIPTION_BYTES = 4096  # a subscriber that sends a longer one is disconnected
# Queued for the loop, per connection; the rest waits at the sender. The loop handles all of them
# before it forwards the next message: 100,000 delayed everybody by up to 260 ms.
QUEUED_SUBSCRIPTIONS = 10
# A replay begins this long after the last subscription: a client that started before the endpoint
# retries once per RECONNECT_MAX_MS.
SETTLE_MS = 1_200
POLL_MS = 20
STATISTICS_MS = 20  # libzmq's loop responds within its burst of 1,000 messages
FRAMES = 2  # of a message; libzmq counts frames
STUCK_S = 0.2  # a lossless proxy that waits for a subscriber does not stop; then it is terminated
_CONTROL = "inproc://control"
FORWARDED = "inproc://forwarded"


class Forwarded(NamedTuple):
    """Messages and bytes that workers have sent to a proxy, and that it has forwarded."""

    messages: int
    bytes: int


class Proxy:
    """Forwards every message of every worker to the subscribers that want it.

    It subscribes to everything at once, so that a worker need not wait. It is lossy: a subscriber
    that leaves more than the high-water mark unread loses messages, and no other one does. `name`
    distinguishes the proxies to which a worker is connected.

    `lossless` is for replays only: the proxy forwards nothing until a client subscribes to more
    than statuses. Then it waits for the slowest subscriber, and the workers wait for it. It uses an
    XPUB instead of a PUB, as only that shows subscriptions.

    `realtime` gives the threads that forward real-time priority, which the system must permit:
    libzmq aborts the process otherwise. The guard and the history keep ordinary priority.
    """

    def __init__(
        self, name: str = "proxy", *, lossless: bool = False, realtime: bool = False
    ) -> None:
        self._mark = PROXY_MARK + b"." + name.encode()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._realtime = realtime
        if realtime:  # before the first socket starts libzmq's threads
            self.context.set(zmq.THREAD_SCHED_POLICY, os.SCHED_RR)
            self.context.set(zmq.THREAD_PRIORITY, PRIORITY)
        self.forwarded = FORWARDED  # in-process endpoint with the same messages
        self.guard = SubscriptionGuard(self.context)
        self.histories = 0  # connected ones, each of which subscribes to everything
        self._lossless = lossless
        self._pub = make_socket(self.context, zmq.XPUB if lossless else zmq.PUB)
        self._pub.maxmsgsize = SUBSCRIPTION_BYTES
        self._pub.rcvhwm = QUEUED_SUBSCRIPTIONS
        if lossless:
            # The history subscribes to everything, which would hide later subscriptions.
            self._pub.xpub_verbose = True
            make_lossless(self._pub)
        self.subscribers = self.guard.watch(self._pub, quota=True)  # their number
        self._pub.bind(FORWARDED)
        self._xsub = make_socket(self.context, zmq.XSUB)
        if lossless:
            self._xsub.rcvhwm = LOSSLESS_HIGH_WATER_MARK
        self._xsub.sndhwm = 0  # subscriptions: a dropped one is never sent again
        self._control = self.context.socket(zmq.PAIR)
        self._control.bind(_CONTROL)
        self._loop_runs = False
        self._asked = False  # libzmq's loop for its statistics, without a response so far
        self._statistics = Forwarded(0, 0)
        self._thread = threading.Thread(target=self._forward, name="proxy")

    async def bind(self, settings: ProxySettings) -> None:
        """Bind both sides with retries; raise EndpointInUseError if an endpoint stays in use."""
        await bind_with_retry(lambda: bind(self._pub, settings.subscribers))
        await bind_with_retry(lambda: bind(self._xsub, settings.workers))
        self._xsub.send(SUBSCRIBE)
        self._xsub.send(SUBSCRIBE + self._mark)

    def start(self) -> None:
        """Start the forwarding thread, which does not need the interpreter."""
        self._pub.poll(0)  # handles the in-process connections, so that none misses a message
        self.guard.start()
        self._thread.start()

    @property
    def forwards(self) -> bool:
        """Whether libzmq's loop still runs; nothing else would show its failure."""
        return self._thread.is_alive()

    def statistics(self) -> Forwarded:
        """Return what was forwarded since the start, from libzmq's own loop.

        A lossless proxy that waits for a subscriber does not respond; nor does it forward then, and
        the last statistics are still right. Belongs to the thread that calls `stop`.
        """
        if self._loop_runs and not self._asked:
            self._control.send(b"STATISTICS")
            self._asked = True
        if self._asked and self._control.poll(STATISTICS_MS):
            frames, size, *_ = self._control.recv_multipart()
            self._asked = False
            self._statistics = Forwarded(_integer(frames) // FRAMES, _integer(size))
        return self._statistics

    def stop(self) -> None:
        """Stop forwarding, send what is queued for at most the linger time, and close.

        Also closes a proxy that was not started. Close other sockets of the context before.
        """
        if self._thread.ident is None:
            self.guard.stop()
            self.context.destroy(linger=0)
            return
        if self.forwards:
            self._control.send(b"TERMINATE")
        self._thread.join(STUCK_S if self._lossless else None)
        self.guard.stop()
        self._control.close()
        self.context.term()  # a blocked send raises ContextTerminated
        self._thread.join()

    def _forward(self) -> None:
        control = self.context.socket(zmq.PAIR)
        control.connect(_CONTROL)
        linger_ms = None
        try:
            if self._realtime:
                enter_realtime()
            if not self._lossless or self._subscribed(control):
                self._loop_runs = True
                zmq.proxy_steerable(self._xsub, self._pub, None, control)
        except zmq.ContextTerminated:
            if not self._lossless:
                raise
            linger_ms = 0  # terminated while it waited for a subscriber
        finally:
            self._loop_runs = False
            for socket in (control, self._xsub, self._pub):
                socket.close(linger_ms)

    def _subscribed(self, control: zmq.Socket[bytes]) -> bool:
        """Wait for the first subscriber and its last subscription; return False on a stop."""
        poller = zmq.Poller()
        poller.register(self._pub, zmq.POLLIN)
        poller.register(control, zmq.POLLIN)
        settled_s, own = float("inf"), self.histories
        while time.monotonic() < settled_s:
            ready = dict(poller.poll(POLL_MS))
            self._xsub.getsockopt(zmq.EVENTS)  # accepts new connections, so workers get the marks
            if control in ready:
                return False
            if self._pub not in ready:
                continue
            frame = self._pub.recv()
            if frame == SUBSCRIBE and own:
                own -= 1
            elif settled_s < float("inf") or wants_data(frame):
                settled_s = time.monotonic() + SETTLE_MS / 1000
        return True


def _integer(frame: bytes) -> int:
    """Return a number of libzmq's statistics: uint64_t in the byte order of the machine."""
    return int.from_bytes(frame, sys.byteorder)

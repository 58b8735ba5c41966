"""The proxy: XSUB bound for workers, PUB bound for subscribers, libzmq's own loop between.

A PUB and no XPUB: what subscribers want is known here alone. An XPUB hands every subscription to
the loop, which sends it on to every worker, and these keep it too: 300,000 topics of one
subscriber took 650 MB here and 400 MB in each worker, and held up everybody for 3 s.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import zmq

from feedd.runtime.bind_retry import bind_with_retry
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

SUBSCRIPTION_BYTES = 4096  # whoever sends a longer one is disconnected
# Of one connection, that wait for the loop. It takes in all that wait before it forwards the next
# message: of 100,000 it held up everybody for up to 260 ms. The others wait at the sender.
SUBSCRIPTIONS_AT_ONCE = 10
# So long after the last subscription a replay begins: whoever waits for the endpoint, as clients do
# that are there before it, tries to connect once in RECONNECT_MAX_MS.
SETTLE_MS = 1_200
LOOK_MS = 20
STUCK_S = 0.2  # a lossless proxy that waits for a subscriber hears no word: then it is ended
_CONTROL = "inproc://control"
FORWARDED = "inproc://forwarded"


class Proxy:
    """Forwards every message of every worker to the subscribers that want it.

    It subscribes to everything at once, so that a worker that connects waits for nobody, and
    lossy: a subscriber that leaves more than the high-water mark unread loses messages, alone.
    `name` tells a worker the proxies apart that it is connected to.

    `lossless` is for replays only: it forwards nothing before somebody subscribes to more than
    statuses, and from then on waits for the slowest subscriber, and lets the workers wait. Its PUB
    is an XPUB then, since only that shows who subscribes.
    """

    def __init__(self, name: str = "proxy", *, lossless: bool = False) -> None:
        self._mark = PROXY_MARK + b"." + name.encode()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.forwarded = FORWARDED  # brings, within the context, what subscribers get
        self.guard = SubscriptionGuard(self.context)
        self.histories = 0  # that hear it, each by a subscription to everything
        self._lossless = lossless
        self._pub = make_socket(self.context, zmq.XPUB if lossless else zmq.PUB)
        self._pub.maxmsgsize = SUBSCRIPTION_BYTES
        self._pub.rcvhwm = SUBSCRIPTIONS_AT_ONCE
        if lossless:
            self._pub.xpub_verbose = True  # the history subscribes to all: others would be hidden
            make_lossless(self._pub)
        self.guard.watch(self._pub, quota=True)
        self._pub.bind(FORWARDED)
        self._xsub = make_socket(self.context, zmq.XSUB)
        if lossless:
            self._xsub.rcvhwm = LOSSLESS_HIGH_WATER_MARK
        self._xsub.sndhwm = 0  # subscriptions: one that is dropped never comes again
        self._control = self.context.socket(zmq.PAIR)
        self._control.bind(_CONTROL)
        self._thread = threading.Thread(target=self._forward, name="proxy")

    async def bind(self, settings: ProxySettings) -> None:
        """Bind both sides, patiently; raise EndpointInUseError where one stays taken."""
        await bind_with_retry(lambda: bind(self._pub, settings.subscribers))
        await bind_with_retry(lambda: bind(self._xsub, settings.workers))
        self._xsub.send(SUBSCRIBE)
        self._xsub.send(SUBSCRIBE + self._mark)

    def start(self) -> None:
        """Begin to forward, in a thread of its own that needs no interpreter."""
        self._pub.poll(0)  # takes in who has connected within the context: the first message too
        self.guard.start()
        self._thread.start()

    @property
    def forwards(self) -> bool:
        """Whether libzmq's loop still runs; when it fails, nothing else would show it."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop forwarding, send what is queued for at most the linger time, and close.

        Also where it was never started. Other sockets of the context must be closed before.
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
        self.context.term()  # ends a send that waits: it raises ContextTerminated
        self._thread.join()

    def _forward(self) -> None:
        steering = self.context.socket(zmq.PAIR)
        steering.connect(_CONTROL)
        linger_ms = None
        try:
            if not self._lossless or self._subscribed(steering):
                zmq.proxy_steerable(self._xsub, self._pub, None, steering)
        except zmq.ContextTerminated:
            if not self._lossless:
                raise
            linger_ms = 0  # it was ended while it waited for a subscriber
        finally:
            for socket in (steering, self._xsub, self._pub):
                socket.close(linger_ms)

    def _subscribed(self, steering: zmq.Socket[bytes]) -> bool:
        """Wait for the first subscriber, and for its last word; return False when told to stop."""
        poller = zmq.Poller()
        poller.register(self._pub, zmq.POLLIN)
        poller.register(steering, zmq.POLLIN)
        settled_s, own = float("inf"), self.histories
        while time.monotonic() < settled_s:
            ready = dict(poller.poll(LOOK_MS))
            self._xsub.getsockopt(zmq.EVENTS)  # takes in who has connected: workers get its marks
            if steering in ready:
                return False
            if self._pub not in ready:
                continue
            frame = self._pub.recv()
            if frame == SUBSCRIBE and own:
                own -= 1
            elif settled_s < float("inf") or wants_data(frame):
                settled_s = time.monotonic() + SETTLE_MS / 1000
        return True

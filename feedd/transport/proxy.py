"""The proxy: XSUB bound for workers, PUB bound for subscribers, libzmq's own loop between.

A PUB and no XPUB: what subscribers want is known here alone. An XPUB hands every subscription to
the loop, which sends it on to every worker, and these keep it too: 300,000 topics of one
subscriber took 650 MB here and 400 MB in each worker, and held up everybody for 3 s.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import zmq

from feedd.patience import bind_patiently
from feedd.transport.guard import Guard
from feedd.transport.sockets import PROXY_MARK, SUBSCRIBE, bind, make_socket

if TYPE_CHECKING:
    from feedd.config import ProxySettings

SUBSCRIPTION_BYTES = 4096  # whoever sends a longer one is disconnected
# Of one connection, that wait for the loop. It takes in all that wait before it forwards the next
# message: of 100,000 it held up everybody for up to 260 ms. The others wait at the sender.
SUBSCRIPTIONS_AT_ONCE = 10
_CONTROL = "inproc://control"
_FORWARDED = "inproc://forwarded"


class Proxy:
    """Forwards every message of every worker to the subscribers that want it.

    It subscribes to everything at once, so that a worker that connects waits for nobody, and
    lossy: a subscriber that leaves more than the high-water mark unread loses messages, alone.
    `name` tells a worker the proxies apart that it is connected to.
    """

    def __init__(self, name: str = "proxy") -> None:
        self._mark = PROXY_MARK + b"." + name.encode()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.forwarded = _FORWARDED  # brings, within the context, what subscribers get
        self.guard = Guard(self.context)
        self._pub = make_socket(self.context, zmq.PUB)
        self._pub.maxmsgsize = SUBSCRIPTION_BYTES
        self._pub.rcvhwm = SUBSCRIPTIONS_AT_ONCE
        self.guard.watch(self._pub, quota=True)
        self._pub.bind(_FORWARDED)
        self._xsub = make_socket(self.context, zmq.XSUB)
        self._xsub.sndhwm = 0  # subscriptions: one that is dropped never comes again
        self._control = self.context.socket(zmq.PAIR)
        self._control.bind(_CONTROL)
        self._thread = threading.Thread(target=self._forward, name="proxy")

    async def bind(self, settings: ProxySettings) -> None:
        """Bind both sides, patiently; raise EndpointInUseError where one stays taken."""
        await bind_patiently(lambda: bind(self._pub, settings.subscribers))
        await bind_patiently(lambda: bind(self._xsub, settings.workers))
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
        self._thread.join()
        self.guard.stop()
        self._control.close()
        self.context.term()

    def _forward(self) -> None:
        steering = self.context.socket(zmq.PAIR)
        steering.connect(_CONTROL)
        try:
            zmq.proxy_steerable(self._xsub, self._pub, None, steering)
        finally:
            for socket in (steering, self._xsub, self._pub):
                socket.close()

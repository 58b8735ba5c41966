"""The history: it hears all that the proxy forwards, keeps the last of it, and answers requests.

It runs in a thread of its own beside the proxy's loop, which needs no interpreter: what is done
here makes no message late. When it can't keep up, it alone loses messages, at its own high-water
mark; they are missing in its answers, and are never replaced by others.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog
import zmq

from feedd.runtime.bind_retry import bind_with_retry
from feedd.transport.history_protocol import respond
from feedd.transport.message_rings import MessageRings
from feedd.transport.sockets import REQUEST_BYTES, bind, make_socket

if TYPE_CHECKING:
    from feedd.transport.proxy import Proxy
    from feedd.transport.replay_publisher import ReplayEndpoint

LOOK_EVERY_MS = 20  # for messages; a request is answered at once, after what came before it
MESSAGES_AT_ONCE = 5000  # then requests have their turn
REQUESTS_AT_ONCE = 8  # then messages have theirs
FRAMES = 8  # of a request with its envelope
UNREAD_REQUESTS = 100  # per connection; then it waits
UNREAD_ANSWERS = 4  # per connection, of BYTES_AT_ONCE each; further ones are dropped
TELL_EVERY_S = 60.0

_log = structlog.get_logger()


class HistoryService:
    """The history of one proxy: bind it before the proxy starts, and stop it before that stops.

    What it does not promise: messages from before it started, or beyond the rings' bounds.
    """

    def __init__(self, proxy: Proxy | ReplayEndpoint, rings: MessageRings | None = None) -> None:
        self._rings = rings or MessageRings()
        self._messages = make_socket(proxy.context, zmq.SUB)
        self._messages.subscribe("")
        # Within the process: no copy is made of a message until it is kept.
        self._forwarded = proxy.forwarded
        proxy.histories += 1
        self._requests = make_socket(proxy.context, zmq.ROUTER)
        self._requests.linger = 0
        self._requests.maxmsgsize = REQUEST_BYTES
        self._requests.rcvhwm = UNREAD_REQUESTS
        self._requests.sndhwm = UNREAD_ANSWERS
        self._requests.router_mandatory = True  # an answer that can't be sent is an error here
        proxy.guard.watch(self._requests, quota=False)
        self._unsent = 0
        self._behind = False
        self._told: dict[str, int] = {}
        self._told_s = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="history")
        self.fault: Exception | None = None

    async def bind(self, endpoint: str) -> None:
        """Hear the proxy, and bind for requests, patiently; raise EndpointInUseError in vain."""
        self._messages.connect(self._forwarded)
        await bind_with_retry(lambda: bind(self._requests, endpoint))

    def start(self) -> None:
        """Begin to listen and to answer, in a thread of its own."""
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Whether it listens and answers; when it does not, `fault` says why."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop, and close; also where it was never started."""
        self._stopping.set()
        if self._thread.ident is None:
            self._close()
        else:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._requests.poll(0 if self._behind else LOOK_EVERY_MS)
                self._take_messages()
                self._answer_requests()
                self._tell()
        except Exception as error:  # noqa: BLE001  whoever started the thread raises it
            self.fault = error
        finally:
            self._close()

    def _close(self) -> None:
        self._messages.close()
        self._requests.close()

    def _take_messages(self) -> None:
        add, receive = self._rings.add, self._messages.recv_multipart
        self._behind = False
        for _ in range(MESSAGES_AT_ONCE):
            try:
                frames = receive(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(frames) == 2:
                add(*frames)
            else:
                self._rings.not_kept.undecodable += 1
        self._behind = True

    def _answer_requests(self) -> None:
        for _ in range(REQUESTS_AT_ONCE):
            try:
                *envelope, request = self._requests.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(envelope) >= FRAMES:
                continue
            if not self._sent([*envelope, respond(request, self._rings)]):
                self._unsent += 1  # it reads none of its answers, or is gone

    def _sent(self, answered: list[bytes]) -> bool:
        """Send without waiting; return whether that was possible.

        libzmq heeds what a peer has read once in a ms only (`max_command_delay`), so that one which
        asks quickly seems to have read nothing: to be asked for its events makes it look again.
        """
        try:
            self._requests.send_multipart(answered, zmq.NOBLOCK)
        except zmq.ZMQError:
            self._requests.getsockopt(zmq.EVENTS)
        else:
            return True
        try:
            self._requests.send_multipart(answered, zmq.NOBLOCK)
        except zmq.ZMQError:
            return False
        return True

    def _tell(self) -> None:
        """Log what was lost since the last time, at most once in TELL_EVERY_S."""
        now_s = time.monotonic()
        if now_s - self._told_s < TELL_EVERY_S:
            return
        counts = {**asdict(self._rings.not_kept), "unsent": self._unsent}
        if counts == self._told or not any(counts.values()):
            return
        news: dict[str, Any] = {k: n for k, n in counts.items() if n != self._told.get(k, 0)}
        _log.warning("the history did not keep or send all; in all so far", **news)
        self._told, self._told_s = counts, now_s

"""History service: keeps the latest messages that the proxy forwards, and responds to requests.

It runs in its own thread. The proxy's loop needs no interpreter, so this thread delays no message.
If it can't keep up, only the history loses messages, at its own high-water mark: its responses lack
them, and never contain others instead.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog
import zmq
from msgspec import Struct

from feedd.runtime.bind_retry import bind_with_retry
from feedd.transport.history_protocol import respond
from feedd.transport.message_rings import MessageRings
from feedd.transport.service_thread import ServiceThread
from feedd.transport.sockets import REQUEST_BYTES, bind, make_socket

if TYPE_CHECKING:
    from feedd.transport.proxy import Proxy
    from feedd.transport.replay_endpoint import ReplayEndpoint

POLL_EVERY_MS = 20  # for messages; a request ends the wait, after the messages before it
MESSAGES_PER_TURN = 5000  # then requests have their turn
REQUESTS_PER_TURN = 8  # then messages have theirs
MAX_FRAMES = 8  # of a request with its envelope
UNREAD_REQUESTS = 100  # per connection; then the sender waits
UNREAD_RESPONSES = 4  # per connection, of MAX_BYTES each; further ones are dropped
WARN_EVERY_S = 60.0

_log = structlog.get_logger()


class HistoryCounts(Struct, frozen=True):
    """Topics and bytes of a history, messages that it did not keep, responses not sent."""

    topics: int
    bytes: int
    not_kept: int
    unsent: int


class HistoryService(ServiceThread):
    """History of one proxy: bind it before the proxy starts, and stop it before the proxy stops.

    It does not guarantee messages from before its start, nor beyond the limits of the rings.
    """

    def __init__(self, proxy: Proxy | ReplayEndpoint, rings: MessageRings | None = None) -> None:
        super().__init__("history")
        self._rings = rings or MessageRings()
        self._messages = make_socket(proxy.context, zmq.SUB)
        self._messages.subscribe("")
        # In-process: a message is not copied until it is kept.
        self._forwarded = proxy.forwarded
        proxy.histories += 1
        self._requests = make_socket(proxy.context, zmq.ROUTER)
        self._requests.linger = 0
        self._requests.maxmsgsize = REQUEST_BYTES
        self._requests.rcvhwm = UNREAD_REQUESTS
        self._requests.sndhwm = UNREAD_RESPONSES
        self._requests.router_mandatory = True  # a response that can't be sent raises an error
        proxy.guard.watch(self._requests, quota=False)
        self._unsent = 0
        self._behind = False
        self._warned: dict[str, int] = {}
        self._warned_s = float("-inf")

    def counts(self) -> HistoryCounts:
        """Return counts since the start, and the present sizes; from any thread."""
        rings = self._rings
        not_kept = sum(asdict(rings.not_kept).values())
        return HistoryCounts(rings.topics, rings.used_bytes, not_kept, self._unsent)

    async def bind(self, endpoint: str) -> None:
        """Connect to the proxy, and bind for requests with retries; raise EndpointInUseError."""
        self._messages.connect(self._forwarded)
        await bind_with_retry(lambda: bind(self._requests, endpoint))

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._requests.poll(0 if self._behind else POLL_EVERY_MS)
            self._receive_messages()
            self._respond_to_requests()
            self._warn()

    def _close(self) -> None:
        self._messages.close()
        self._requests.close()

    def _receive_messages(self) -> None:
        add, receive = self._rings.add, self._messages.recv_multipart
        self._behind = False
        for _ in range(MESSAGES_PER_TURN):
            try:
                frames = receive(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(frames) == 2:
                add(*frames)
            else:
                self._rings.not_kept.undecodable += 1
        self._behind = True

    def _respond_to_requests(self) -> None:
        for _ in range(REQUESTS_PER_TURN):
            try:
                *envelope, request = self._requests.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(envelope) >= MAX_FRAMES:
                continue
            if not self._sent([*envelope, respond(request, self._rings)]):
                self._unsent += 1  # the peer reads no responses, or is gone

    def _sent(self, frames: list[bytes]) -> bool:
        """Send without waiting; return whether that was possible.

        libzmq updates how much a peer has read at most once per ms (`max_command_delay`), so a
        peer with rapid requests seems to have read nothing. Reading ZMQ_EVENTS forces an update.
        """
        try:
            self._requests.send_multipart(frames, zmq.NOBLOCK)
        except zmq.ZMQError:
            self._requests.getsockopt(zmq.EVENTS)
        else:
            return True
        try:
            self._requests.send_multipart(frames, zmq.NOBLOCK)
        except zmq.ZMQError:
            return False
        return True

    def _warn(self) -> None:
        """Log what was lost since the last warning, at most once per WARN_EVERY_S."""
        now_s = time.monotonic()
        if now_s - self._warned_s < WARN_EVERY_S:
            return
        counts = {**asdict(self._rings.not_kept), "unsent": self._unsent}
        if counts == self._warned or not any(counts.values()):
            return
        news: dict[str, Any] = {k: n for k, n in counts.items() if n != self._warned.get(k, 0)}
        _log.warning("the history did not keep or send some messages; totals so far", **news)
        self._warned, self._warned_s = counts, now_s

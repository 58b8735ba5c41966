"""The client's sockets: SUB for each endpoint, DEALER for each history service, and their monitors.

Only `wake` may be called from other threads.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from feedd.errors import ConfigError
from feedd.transport.connection_health import ConnectionHealth
from feedd.transport.sockets import LOSSLESS_HIGH_WATER_MARK, make_socket

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.transport.connection_health import ConnectionEvent

MAX_REQUESTS = 16  # queued for an unavailable history service; more are dropped
MAX_MESSAGE_BYTES = 1 << 20
MAX_RESPONSE_BYTES = 1 << 26  # 2,000 books
# A timeout destroys queued messages, so it is long: only for a peer that is silently gone.
HEARTBEAT_MS = 5_000
HEARTBEAT_TIMEOUT_MS = 15_000
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 15, 5, 3
MESSAGES_PER_TURN = 500  # of one endpoint, before the others have their turn

_MONITOR_EVENTS: dict[int, ConnectionEvent] = {
    zmq.EVENT_HANDSHAKE_SUCCEEDED: "connected",
    zmq.EVENT_DISCONNECTED: "disconnected",
    zmq.EVENT_CONNECT_RETRIED: "retried",
}
_MONITOR_MASK = sum(_MONITOR_EVENTS) | zmq.EVENT_CONNECTED


class _EndpointSocket:
    """A socket connected to one endpoint; reconnects it when libzmq has given up."""

    def __init__(
        self,
        context: zmq.Context[Any],
        kind: int,
        endpoint: str,
        subscriptions: Iterable[str] = (),
        *,
        lossless: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.health = ConnectionHealth()
        self.socket = make_socket(context, kind)
        self.socket.linger = 0
        if lossless:
            self.socket.rcvhwm = LOSSLESS_HIGH_WATER_MARK
            self.socket.tcp_keepalive = 1
            self.socket.tcp_keepalive_idle = KEEPALIVE_IDLE_S
            self.socket.tcp_keepalive_intvl = KEEPALIVE_INTERVAL_S
            self.socket.tcp_keepalive_cnt = KEEPALIVE_PROBES
        else:
            self.socket.heartbeat_ivl = HEARTBEAT_MS
            self.socket.heartbeat_timeout = HEARTBEAT_TIMEOUT_MS
        if kind == zmq.SUB:
            self.socket.sndhwm = 0  # subscriptions: a dropped one is never sent again
            self.socket.maxmsgsize = MAX_MESSAGE_BYTES
        else:
            self.socket.sndhwm = MAX_REQUESTS
            self.socket.maxmsgsize = MAX_RESPONSE_BYTES
        self.monitor = self.socket.get_monitor_socket(_MONITOR_MASK)
        self.monitor.linger = 0
        for prefix in subscriptions:
            self.socket.subscribe(prefix)
        try:
            self.socket.connect(endpoint)
        except zmq.ZMQError:
            raise ConfigError(f"{endpoint} is not an endpoint like tcp://127.0.0.1:5500") from None

    def watch(self, now_s: float) -> None:
        """Read the monitor, and reconnect if libzmq has given up."""
        with suppress(zmq.Again):
            while True:
                event = parse_monitor_message(self.monitor.recv_multipart(zmq.NOBLOCK))
                if event["event"] == zmq.EVENT_CONNECTED:
                    self.health.reached = True
                else:
                    self.health.note(_MONITOR_EVENTS[event["event"]], now_s)
        if self.health.given_up(now_s):
            with suppress(zmq.ZMQError):  # libzmq may have removed the endpoint
                self.socket.disconnect(self.endpoint)
            self.socket.connect(self.endpoint)

    def receive(self) -> Iterator[list[bytes]]:
        """Yield the messages received so far, up to a limit."""
        receive = self.socket.recv_multipart
        with suppress(zmq.Again):
            for _ in range(MESSAGES_PER_TURN):
                yield receive(zmq.NOBLOCK)


class ClientSockets:
    """Connects at once; raises ConfigError for an invalid endpoint.

    `lossless` endpoints may stay unread for long, and few messages are queued for them here. They
    have no ZMTP heartbeats: the reply would wait unread behind published messages, and libzmq would
    disconnect the peer. TCP keepalive detects a dead peer instead.
    """

    def __init__(
        self,
        endpoints: Iterable[str],
        histories: Iterable[str],
        subscriptions: Iterable[str],
        *,
        lossless: bool = False,
    ) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._waker, self._wake_up = os.pipe()
        self._pipe_lock = threading.Lock()
        self._pipe_open = True
        self._feeds: list[_EndpointSocket] = []
        self._histories: list[_EndpointSocket] = []
        try:
            for endpoint in endpoints:
                self._feeds.append(
                    _EndpointSocket(
                        self._context, zmq.SUB, endpoint, subscriptions, lossless=lossless
                    )
                )
            for endpoint in histories:
                self._histories.append(_EndpointSocket(self._context, zmq.DEALER, endpoint))
        except BaseException:
            self._context.destroy(linger=0)
            self._close_pipe()
            raise
        self._poller = zmq.Poller()
        self._poller.register(self._waker, zmq.POLLIN)
        for connection in self._all:
            self._poller.register(connection.socket, zmq.POLLIN)
            self._poller.register(connection.monitor, zmq.POLLIN)

    @property
    def _all(self) -> list[_EndpointSocket]:
        return self._feeds + self._histories

    def wait(self, timeout_s: float) -> None:
        """Wait for a message, a call of `wake`, or the timeout."""
        self._poller.poll(int(timeout_s * 1000))

    def messages(self) -> Iterator[list[bytes]]:
        """Yield topic and payload of the messages received from the endpoints."""
        for connection in self._feeds:
            for frames in connection.receive():
                if len(frames) == 2:
                    yield frames

    def responses(self) -> Iterator[bytes]:
        """Yield the responses of the history services."""
        for connection in self._histories:
            for frames in connection.receive():
                yield frames[-1]

    def request(self, history: int, request: bytes) -> None:
        """Send a request; drop it if the history is unavailable and too many are queued."""
        with suppress(zmq.Again):
            self._histories[history].socket.send(request, zmq.NOBLOCK)

    def watch(self) -> int:
        """Reconnect what libzmq has given up; return how many endpoints are connected."""
        now_s = time.monotonic()
        for connection in self._all:
            connection.watch(now_s)
        return sum(connection.health.up for connection in self._feeds)

    def unanswered(self) -> list[tuple[str, bool]]:
        """Return the endpoints without a publisher yet, and whether they accept connections."""
        return [
            (connection.endpoint, connection.health.reached)
            for connection in self._feeds
            if not connection.health.answered
        ]

    def wake(self) -> None:
        """End the wait, permanently; from any thread, at any time."""
        with self._pipe_lock:
            if self._pipe_open:
                os.write(self._wake_up, b"\0")

    def close(self) -> None:
        """Close all sockets and discard what is unread."""
        self._context.destroy(linger=0)
        self._close_pipe()

    def _close_pipe(self) -> None:
        with self._pipe_lock:
            self._pipe_open = False
            os.close(self._waker)
            os.close(self._wake_up)

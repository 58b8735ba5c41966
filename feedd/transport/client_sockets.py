"""The client's sockets: SUB for each endpoint, DEALER for each history service, and their monitors.

All but `wake` belongs to one thread.
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
from feedd.transport.healing import Health
from feedd.transport.sockets import LOSSLESS_HIGH_WATER_MARK, make_socket

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.transport.healing import Occurrence

MOST_REQUESTS = 16  # that wait for a history service which is away; more are dropped
LARGEST_MESSAGE = 1 << 20
LARGEST_ANSWER = 1 << 26  # 2,000 books
# A timeout destroys what is queued, so that it is only for a peer that is gone without a word.
HEARTBEAT_MS = 5_000
HEARTBEAT_TIMEOUT_MS = 15_000
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 15, 5, 3
AT_ONCE = 500  # messages of one endpoint, before the others have their turn

_OCCURRENCES: dict[int, Occurrence] = {
    zmq.EVENT_HANDSHAKE_SUCCEEDED: "connected",
    zmq.EVENT_DISCONNECTED: "disconnected",
    zmq.EVENT_CONNECT_RETRIED: "retried",
}
_EVENTS = sum(_OCCURRENCES)


class _Connection:
    """A socket that is connected to one endpoint, and connected anew when libzmq gives it up."""

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
        self.health = Health()
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
            self.socket.sndhwm = 0  # subscriptions: one that is dropped never comes again
            self.socket.maxmsgsize = LARGEST_MESSAGE
        else:
            self.socket.sndhwm = MOST_REQUESTS
            self.socket.maxmsgsize = LARGEST_ANSWER
        self.monitor = self.socket.get_monitor_socket(_EVENTS)
        self.monitor.linger = 0
        for prefix in subscriptions:
            self.socket.subscribe(prefix)
        try:
            self.socket.connect(endpoint)
        except zmq.ZMQError:
            raise ConfigError(f"{endpoint} is no endpoint like tcp://127.0.0.1:5500") from None

    def watch(self, now_s: float) -> None:
        """Read the monitor, and heal."""
        with suppress(zmq.Again):
            while True:
                event = parse_monitor_message(self.monitor.recv_multipart(zmq.NOBLOCK))
                self.health.note(_OCCURRENCES[event["event"]], now_s)
        if self.health.given_up(now_s):
            with suppress(zmq.ZMQError):  # libzmq may have forgotten the endpoint altogether
                self.socket.disconnect(self.endpoint)
            self.socket.connect(self.endpoint)

    def receive(self) -> Iterator[list[bytes]]:
        """Yield what is there, up to a limit."""
        receive = self.socket.recv_multipart
        with suppress(zmq.Again):
            for _ in range(AT_ONCE):
                yield receive(zmq.NOBLOCK)


class ClientSockets:
    """Connected from the first on; raises ConfigError for what is no endpoint.

    `lossless` endpoints may be left unread for long, and few messages wait for them here. They have
    no heartbeats: an answer would wait unread behind what was published, and libzmq would take the
    peer for gone. TCP's own keepalive finds out who is.
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
        self._feeds: list[_Connection] = []
        self._histories: list[_Connection] = []
        try:
            for endpoint in endpoints:
                self._feeds.append(
                    _Connection(self._context, zmq.SUB, endpoint, subscriptions, lossless=lossless)
                )
            for endpoint in histories:
                self._histories.append(_Connection(self._context, zmq.DEALER, endpoint))
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
    def _all(self) -> list[_Connection]:
        return self._feeds + self._histories

    def wait(self, timeout_s: float) -> None:
        """Wait until something is there, `wake` is called or the time is over."""
        self._poller.poll(int(timeout_s * 1000))

    def messages(self) -> Iterator[list[bytes]]:
        """Yield what came from the endpoints, as topic and payload."""
        for connection in self._feeds:
            for frames in connection.receive():
                if len(frames) == 2:
                    yield frames

    def answers(self) -> Iterator[bytes]:
        """Yield what the history services answered."""
        for connection in self._histories:
            for frames in connection.receive():
                yield frames[-1]

    def ask(self, history: int, request: bytes) -> None:
        """Send a request; it is dropped where the history is away and enough others wait."""
        with suppress(zmq.Again):
            self._histories[history].socket.send(request, zmq.NOBLOCK)

    def watch(self) -> int:
        """Heal what libzmq has given up; return how many endpoints are connected."""
        now_s = time.monotonic()
        for connection in self._all:
            connection.watch(now_s)
        return sum(connection.health.up for connection in self._feeds)

    def wake(self) -> None:
        """End the wait, for good; from any thread, at any time."""
        with self._pipe_lock:
            if self._pipe_open:
                os.write(self._wake_up, b"\0")

    def close(self) -> None:
        """Close all; whatever is unread is gone."""
        self._context.destroy(linger=0)
        self._close_pipe()

    def _close_pipe(self) -> None:
        with self._pipe_lock:
            self._pipe_open = False
            os.close(self._waker)
            os.close(self._wake_up)

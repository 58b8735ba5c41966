"""Plain subscriber: topics and decoded payloads as received."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

import zmq

from feedd.codec import UNREADABLE, decode
from feedd.endpoint_form import check_endpoint
from feedd.errors import ConfigError
from feedd.transport.endpoints import connectable
from feedd.transport.sockets import make_socket

if TYPE_CHECKING:
    from collections.abc import Iterable


class Subscriber:
    """A SUB socket on one or several endpoints, for prefixes of topics; a context manager.

    It repairs nothing: it misses messages published before it connected, or while it lagged by more
    than the high-water mark.
    """

    def __init__(self, endpoints: str | Iterable[str], prefixes: Iterable[str] = ("",)) -> None:
        self.unreadable = 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = make_socket(self._context, zmq.SUB)
        self._socket.linger = 0
        for prefix in prefixes:
            self._socket.subscribe(prefix)
        for endpoint in (endpoints,) if isinstance(endpoints, str) else endpoints:
            self.connect(endpoint)

    def connect(self, endpoint: str) -> None:
        """Connect to another endpoint; raise ConfigError if it is invalid."""
        try:
            check_endpoint(connectable(endpoint))
        except ConfigError:
            self.close()
            raise
        try:
            self._socket.connect(connectable(endpoint))
        except zmq.ZMQError:
            self.close()
            raise ConfigError(f"{endpoint} is not an endpoint like tcp://127.0.0.1:5500") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(self, timeout_s: float) -> tuple[str, dict[str, Any]] | None:
        """Return the next message, or None after the timeout.

        It skips messages that are not feedd's, which any process with access to the workers'
        socket may publish, and counts them in `unreadable`.
        """
        deadline_s = time.monotonic() + timeout_s
        while self._socket.poll(max(0, int((deadline_s - time.monotonic()) * 1000))):
            frames = self._socket.recv_multipart()
            try:
                topic, payload = frames
                return topic.decode(), decode(payload)
            except UNREADABLE:
                self.unreadable += 1
        return None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self._context.term()

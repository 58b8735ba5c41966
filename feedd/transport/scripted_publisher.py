"""Publisher and history service whose messages, gaps and history the caller chooses."""

from __future__ import annotations

from typing import Self

import zmq

from feedd.transport.history_protocol import respond
from feedd.transport.message_rings import MessageRings
from feedd.transport.sockets import SUBSCRIBE, bind, make_socket

SUBSCRIPTIONS_PER_TURN = 10_000


class ScriptedPublisher:
    """Binds both endpoints; a context manager. It does its work in `pump`, which must be called.

    It knows its subscriptions, so the caller can wait for a subscriber.
    """

    def __init__(self, endpoint: str, history: str) -> None:
        """Bind; port `*` picks a free one. Raises EndpointInUseError and ConfigError."""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._publisher = make_socket(self._context, zmq.XPUB)
        self._requests = make_socket(self._context, zmq.ROUTER)
        self._publisher.linger = self._requests.linger = 0
        self._rings = MessageRings()
        self._subscriptions: set[bytes] = set()
        self.answered = 0  # requests
        try:
            bind(self._publisher, endpoint)
            bind(self._requests, history)
        except BaseException:
            self.close()
            raise
        self.endpoint = _bound(self._publisher)
        self.history = _bound(self._requests)
        self._poller = zmq.Poller()
        self._poller.register(self._publisher, zmq.POLLIN)
        self._poller.register(self._requests, zmq.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, topic: str | bytes, payload: bytes) -> None:
        """Publish a message."""
        frame = topic if isinstance(topic, bytes) else topic.encode()
        self._publisher.send_multipart([frame, payload])

    def keep(self, topic: str, payload: bytes) -> None:
        """Add a message to the history."""
        self._rings.add(topic.encode(), payload)

    def subscribed(self, topic: str) -> bool:
        """Whether a topic has a subscriber."""
        return topic.encode().startswith(tuple(self._subscriptions))

    def pump(self, timeout_s: float) -> None:
        """Handle subscriptions and requests; wait for one until the timeout."""
        self._poller.poll(max(0, int(timeout_s * 1000)))
        for _ in range(SUBSCRIPTIONS_PER_TURN):
            try:
                frame = self._publisher.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            change = self._subscriptions.add if frame[:1] == SUBSCRIBE else self._drop
            change(frame[1:])
        while True:
            try:
                *envelope, request = self._requests.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._requests.send_multipart([*envelope, respond(request, self._rings)])
            self.answered += 1

    def close(self) -> None:
        """Close the sockets."""
        self._publisher.close()
        self._requests.close()
        self._context.term()

    def _drop(self, prefix: bytes) -> None:
        self._subscriptions.discard(prefix)


def _bound(socket: zmq.Socket[bytes]) -> str:
    """Return the endpoint at which a socket is bound, with its actual port."""
    return bytes(socket.get(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()

"""A PUB socket in its own thread and loop, and the peers that tests connect to it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import pytest
import uvloop
import zmq
from conftest import eventually, free_ports

from feedd.transport.pub_socket import PubSocket
from feedd.transport.send_queue import SendQueue
from feedd.transport.zmtp import GREETING, LENGTH_BYTES, command, message_head

A, B, C = b"quote.x.A.", b"trade.x.A.", b"status.x.A."
TOPICS = [A, B, C]
T = TypeVar("T")
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
PATIENCE_S = 60
NUMBER_BYTES = 8
HELLO = GREETING + command(b"READY", b"\x0bSocket-Type\x00\x00\x00\x03SUB")


def until(condition: Callable[[], bool], *attended: zmq.Socket[bytes]) -> None:
    """Wait for a condition.

    libzmq handles new connections of a socket only in calls on it, so each attempt calls the
    `attended` sockets.
    """

    def met() -> bool:
        for one in attended:
            one.getsockopt(zmq.EVENTS)
        return condition()

    eventually(met)


class Pub:
    """Publishes messages of a number and a filling; makes its calls in the loop's thread."""

    def __init__(self, topics: Sequence[bytes], loop: str = "uvloop") -> None:
        self.loop = LOOPS[loop]()
        self._thread = threading.Thread(target=self.loop.run_forever, name="pub")
        self._thread.start()
        self.socket = self.do(lambda: PubSocket(topics))
        self.closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)

    def do(self, work: Callable[[], T]) -> T:
        async def call() -> T:
            return work()

        return self.run(call())

    def bind(self, port: int) -> str:
        endpoint = f"tcp://127.0.0.1:{port}"
        self.run(self.socket.bind(endpoint))
        return endpoint

    def publish(self, topic: bytes, numbers: Sequence[int], filling: bytes = b"") -> None:
        """Send messages one by one without yielding to the loop."""

        def send() -> None:
            for number in numbers:
                for send_queue in self.send_queues(topic):
                    send_queue.send(message(topic, number, filling))

        self.do(send)

    def send_queues(self, topic: bytes) -> list[SendQueue]:
        return self.socket.send_queues[topic]

    def wanted(self, topic: bytes, by: int, *attended: zmq.Socket[bytes]) -> None:
        """Wait until a topic has `by` subscribers; `attended` sockets may reconnect."""
        until(lambda: len(self.send_queues(topic)) == by, *attended)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.run(self.socket.close())

    def end(self) -> None:
        try:
            self.close()
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()


def message(topic: bytes, number: int, filling: bytes = b"") -> bytes:
    payload = number.to_bytes(NUMBER_BYTES, "big") + filling
    head = message_head(topic)
    return head[:-LENGTH_BYTES] + len(payload).to_bytes(LENGTH_BYTES, "big") + payload


class Peers:
    """libzmq sockets, kept until they are closed: pyzmq warns about one collected while open."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._sockets: list[zmq.Socket[bytes]] = []

    def socket(self, kind: int) -> zmq.Socket[bytes]:
        self._sockets.append(self._context.socket(kind))
        return self._sockets[-1]

    def close(self) -> None:
        self._context.destroy(linger=0)


def subscriber(
    context: Peers | zmq.Context[zmq.Socket[bytes]], endpoint: str, *prefixes: bytes, **options: int
) -> zmq.Socket[bytes]:
    """Return a libzmq SUB without a receive limit, unless the options set one."""
    one = context.socket(zmq.SUB)
    for name, value in {"linger": 0, "rcvhwm": 0, "reconnect_ivl": 20, **options}.items():
        setattr(one, name, value)
    for prefix in prefixes:
        one.subscribe(prefix)
    one.connect(endpoint)
    return one


def take(one: zmq.Socket[bytes], filling: bytes = b"", timeout_ms: int = 30_000) -> int | None:
    """Return the number of the next message, which must be complete; None after the timeout."""
    one.rcvtimeo = timeout_ms
    try:
        frames = one.recv_multipart()
    except zmq.Again:
        return None
    assert len(frames) == 2
    assert frames[1][NUMBER_BYTES:] == filling
    return int.from_bytes(frames[1][:NUMBER_BYTES], "big")


def take_until(one: zmq.Socket[bytes], last: int, filling: bytes = b"") -> list[int]:
    """Return the numbers up to `last`, which must arrive."""
    numbers: list[int] = []
    while not numbers or numbers[-1] != last:
        number = take(one, filling)
        assert number is not None, f"{last} did not come: {len(numbers)}, {numbers[-3:]}"
        numbers.append(number)
    return numbers


def stranger(endpoint: str, says: bytes = b"") -> socket.socket:
    host, port = endpoint.removeprefix("tcp://").split(":")
    one = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    one.sendall(says)
    return one


def is_ended(one: socket.socket) -> bool:
    """Return whether the other side has closed a connection."""
    one.setblocking(False)
    try:
        while one.recv(1 << 16):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


@pytest.fixture(name="peers")
def closed_peers() -> Iterator[Peers]:
    peers = Peers()
    yield peers
    peers.close()


@pytest.fixture(name="make_pub")
def ended_pubs() -> Iterator[Callable[..., Pub]]:
    pubs: list[Pub] = []

    def make(loop: str = "uvloop") -> Pub:
        pubs.append(Pub(TOPICS, loop))
        return pubs[-1]

    yield make
    for pub in pubs:
        pub.end()


@pytest.fixture(name="port")
def port_of_its_own() -> int:
    return free_ports(1)[0]

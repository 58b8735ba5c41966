"""A worker's one socket: it binds the port of its own and connects to the proxies.

Connecting to a bound proxy, instead of being connected to, is what keeps messages over a
restart of the proxy: on the connecting side libzmq keeps the queue while the peer is away.

The socket is an XPUB, which to every peer is a PUB; but it shows who subscribes, and so tells
when a proxy is there.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import zmq

from feedd.codec import encode, encode_into
from feedd.patience import bind_patiently
from feedd.topics import topic
from feedd.transport.sockets import PROXY_MARK, SUBSCRIBE, bind, connectable, make_socket

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from feedd.model import Event

MORE = int(zmq.SNDMORE)
MOST_HELD = 32  # messages; what is held waits for them to be made, some 2 µs each
SUBSCRIPTIONS_AT_ONCE = 10_000  # read in one go, so that a flood of them can't stop the feed


class WorkerSocket:
    """A worker's socket, whatever it publishes."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = make_socket(self._context, zmq.XPUB)
        # What pyzmq's `send` itself calls, after looking for options that this socket never has.
        self._send = super(zmq.Socket, self._socket).send
        self._proxies: set[bytes] = set()  # the marks of those that take messages

    async def bind(self, endpoint: str) -> None:
        """Bind the own port, patiently; raise EndpointInUseError when it stays taken."""
        await bind_patiently(lambda: bind(self._socket, endpoint))

    @property
    def proxies_connected(self) -> int:
        """How many proxies take messages, or did before they went away."""
        return len(self._proxies)

    async def connect(self, proxies: Sequence[str], timeout_s: float) -> bool:
        """Connect to the proxies and wait until all take messages; return whether they do.

        After the timeout the connections are still tried in the background, for ever.
        """
        for proxy in proxies:
            self._socket.connect(connectable(proxy))
        deadline = time.monotonic() + timeout_s
        while self.proxies_connected < len(proxies) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
            self.read_subscriptions()
        return self.proxies_connected >= len(proxies)

    def read_subscriptions(self) -> None:
        """Take in who came and went."""
        for _ in range(SUBSCRIPTIONS_AT_ONCE):
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            mark = frame[1:]
            if not mark.startswith(PROXY_MARK):
                continue
            if frame[:1] == SUBSCRIBE:
                self._proxies.add(mark)
            else:
                self._proxies.discard(mark)

    def close(self) -> None:
        """Send what is queued, for at most the linger time, and close."""
        self._socket.close()
        self._context.term()


class Publisher(WorkerSocket):
    """Numbers the events of one session, topic by topic, and sends them.

    What it does not promise: a subscriber that is not connected yet, or that leaves more than
    the high-water mark unread, misses messages. `seq` and the status' `next_seq` show it.

    Each message that is sent alone wakes libzmq's thread, which costs as much as the rest of it
    (in a blast of quotes 6.5 µs of CPU a message instead of 4.5); so of a burst that is at hand the
    messages are sent together: between `hold` and `release`, MOST_HELD at a time.
    """

    def __init__(self, exchange: str, symbol: str, channels: Iterable[str], session: int) -> None:
        super().__init__()
        self.session = session
        topics = {name: topic(name, exchange, symbol) for name in (*channels, "status")}
        self._topics = {name: text.encode("ascii") for name, text in topics.items()}
        self._names = topics
        self._next_seq = dict.fromkeys(topics, 1)
        self._payload = bytearray()  # of the message on its way: libzmq copies it
        self._holds = False
        self._held: list[tuple[bytes, bytes]] = []

    def publish(self, event: Event) -> None:
        """Stamp an event and send it, in two frames; never blocks."""
        channel = event.channel
        seq = self._next_seq[channel]
        self._next_seq[channel] = seq + 1
        event.seq = seq
        event.session = self.session
        event.published_ns = time.time_ns()
        if self._holds:
            self._held.append((self._topics[channel], encode(event)))
            if len(self._held) >= MOST_HELD:
                self._send_held()
            return
        encode_into(event, self._payload)
        self._send(self._topics[channel], MORE)
        self._send(self._payload)

    def hold(self) -> None:
        """Send nothing alone from now on."""
        self._holds = True

    def release(self) -> None:
        """Send what is held, and from now on each message at once."""
        self._holds = False
        if self._held:
            self._send_held()

    def close(self) -> None:
        """Send what is held and queued, for at most the linger time, and close."""
        self.release()
        super().close()

    def _send_held(self) -> None:
        send = self._send
        for topic_frame, payload in self._held:
            send(topic_frame, MORE)
            send(payload)
        self._held.clear()

    def next_seq(self) -> dict[str, int]:
        """Return the seq of each topic's next message, once the status that says so is out."""
        following = {self._names[channel]: seq for channel, seq in self._next_seq.items()}
        following[self._names["status"]] += 1
        return following

"""A worker's PUB side: each event is encoded once and sent to every subscriber of its topic."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from feedd.codec import encode_into
from feedd.topics import topic
from feedd.transport.pub_socket import PubSocket
from feedd.transport.zmtp import LENGTH_BYTES, message_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from feedd.model import Event
    from feedd.transport.send_queue import SendQueue

MAX_HELD = 32  # messages; what is held waits for them to be made, some 2 µs each


class _Line:
    """One topic: the message being sent, and its subscribers."""

    __slots__ = ("head_bytes", "message", "outboxes")

    def __init__(self, name: bytes, outboxes: list[SendQueue]) -> None:
        self.message = bytearray(message_head(name))
        self.head_bytes = len(self.message)
        self.outboxes = outboxes


class Publisher:
    """Sends the events of one session, which its core has numbered.

    It binds the port of its own and connects to the proxies: what is published while a proxy is
    started anew is so kept for it. What it does not promise: a subscriber that is not connected
    yet, or that leaves too much unread (`SendQueue`), misses messages. `seq` and the status'
    `next_seq` show it.

    Between `hold` and `release` messages are sent together, MOST_HELD at a time: what is at hand in
    one piece costs one call of the system, not one each.
    """

    def __init__(self, exchange: str, symbol: str, channels: Iterable[str]) -> None:
        names = {name: topic(name, exchange, symbol) for name in (*channels, "status")}
        self._socket = PubSocket([name.encode("ascii") for name in names.values()])
        self._lines = {
            channel: _Line(name.encode("ascii"), self._socket.wanting[name.encode("ascii")])
            for channel, name in names.items()
        }
        self._holds = False
        self._held = 0

    async def bind(self, endpoint: str) -> None:
        """Bind the own port, patiently; raise EndpointInUseError when it stays taken."""
        await self._socket.bind(endpoint)

    async def connect(self, proxies: Sequence[str], timeout_s: float) -> bool:
        """Connect to the proxies and wait until all take messages; return whether they do.

        After the timeout the connections are still tried, for ever.
        """
        return await self._socket.connect(proxies, timeout_s)

    @property
    def proxies_connected(self) -> int:
        """How many proxies take messages, or did before they went away."""
        return self._socket.connected

    def check(self) -> None:
        """Tell of messages that a subscriber has lost; raise what has failed in the sockets."""
        self._socket.check()

    def publish(self, event: Event) -> None:
        """Stamp `published_ns` and send, in two frames; never blocks."""
        line = self._lines[event.channel]
        event.published_ns = time.time_ns()
        outboxes = line.outboxes
        if not outboxes:
            return
        message, head = line.message, line.head_bytes
        encode_into(event, message, head)
        message[head - LENGTH_BYTES : head] = (len(message) - head).to_bytes(LENGTH_BYTES, "big")
        if not self._holds:
            for outbox in outboxes:
                outbox.send(message)
            return
        for outbox in outboxes:
            outbox.add(message)
        self._held += 1
        if self._held >= MAX_HELD:
            self._send_held()

    def hold(self) -> None:
        """Send nothing alone from now on."""
        self._holds = True

    def release(self) -> None:
        """Send what is held, and from now on each message at once."""
        self._holds = False
        if self._held:
            self._send_held()

    async def close(self) -> None:
        """Send what is held and queued, for at most the linger time, and close."""
        self.release()
        await self._socket.close()

    def _send_held(self) -> None:
        self._held = 0
        for line in self._lines.values():
            for outbox in line.outboxes:
                outbox.flush()

"""A worker's PUB side: each event is encoded once and sent to every subscriber of its topic."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from feedd.codec import encode_into, encode_wide
from feedd.topics import topic
from feedd.transport.pub_socket import PubSocket
from feedd.transport.zmtp import LENGTH_BYTES, message_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from feedd.model import Event
    from feedd.transport.send_queue import SendQueue

MAX_HELD = 32  # messages; they wait while the others are encoded, some 2 µs each


class _TopicOutput:
    """One topic: the message being sent, and its subscribers."""

    __slots__ = ("head_bytes", "message", "queues")

    def __init__(self, name: bytes, queues: list[SendQueue]) -> None:
        self.message = bytearray(message_head(name))
        self.head_bytes = len(self.message)
        self.queues = queues


class Publisher:
    """Sends the events of one session, which its core has numbered.

    It binds the worker's port and connects to the proxies, so that messages are queued while a
    proxy restarts. A subscriber that is not connected yet, or that is too slow (`SendQueue`),
    misses messages; `seq` and the status' `next_seq` show it.

    Between `hold` and `release` it sends up to MAX_HELD messages in one system call.
    """

    def __init__(self, exchange: str, symbol: str, channels: Iterable[str]) -> None:
        names = {name: topic(name, exchange, symbol) for name in (*channels, "status")}
        self._socket = PubSocket([name.encode() for name in names.values()])
        self._outputs = {
            channel: _TopicOutput(name.encode(), self._socket.send_queues[name.encode()])
            for channel, name in names.items()
        }
        self._holds = False
        self._held = 0

    async def bind(self, endpoint: str) -> None:
        """Bind the worker's port with retries; raise EndpointInUseError if it stays in use."""
        await self._socket.bind(endpoint)

    async def connect(self, proxies: Sequence[str], timeout_s: float) -> bool:
        """Connect to the proxies and wait until all receive messages; return whether they do.

        Reconnects in the background without end, also after the timeout.
        """
        return await self._socket.connect(proxies, timeout_s)

    @property
    def proxies_connected(self) -> int:
        """Number of proxies that receive messages, or did before they disconnected."""
        return self._socket.connected

    def check(self) -> None:
        """Report messages dropped for a subscriber; raise the error of a failed socket."""
        self._socket.check()

    def publish(self, event: Event) -> None:
        """Stamp `published_ns` and send, in two frames; never blocks."""
        output = self._outputs[event.channel]
        event.published_ns = time.time_ns()
        queues = output.queues
        if not queues:
            return
        message, head = output.message, output.head_bytes
        try:
            encode_into(event, message, head)
        except OverflowError:
            message[head:] = encode_wide(event)
        message[head - LENGTH_BYTES : head] = (len(message) - head).to_bytes(LENGTH_BYTES, "big")
        if not self._holds:
            for queue in queues:
                queue.send(message)
            return
        for queue in queues:
            queue.add(message)
        self._held += 1
        if self._held >= MAX_HELD:
            self._send_held()

    def hold(self) -> None:
        """Hold messages from now on, to send them together."""
        self._holds = True

    def release(self) -> None:
        """Send held messages, and from now on each message at once."""
        self._holds = False
        if self._held:
            self._send_held()

    async def close(self) -> None:
        """Send held and queued messages, for at most the linger time, and close."""
        self.release()
        await self._socket.close()

    def _send_held(self) -> None:
        self._held = 0
        for output in self._outputs.values():
            for queue in output.queues:
                queue.flush()

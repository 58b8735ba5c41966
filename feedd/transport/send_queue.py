"""What one subscriber is still to get: whole messages, in order, and no more than fit."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from itertools import islice

from feedd.transport.zmtp import message_end

MAX_QUEUED_BYTES = 32_000_000  # that wait for a peer; whatever finds no room then is lost to it
LOOK_S = 0.005
TOGETHER = 256  # chunks that wait are given to the system in one call
TRIMMED = 16  # chunks at once, where there is less room than there was


class SendQueue:
    """Gives messages to a socket that never blocks, and keeps what it does not take.

    Between `detach` and `attach` all is kept: a peer that was cut off in the midst of a message
    gets it from its begin. `dropped` counts the messages that found no room in `most_bytes`.
    """

    __slots__ = ("_batch", "_bytes", "_loop", "_sent", "_socket", "_waiting", "dropped",
                 "most_bytes")  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._socket: socket.socket | None = None
        self._waiting: deque[bytes] = deque()  # chunks of whole messages
        self._bytes = 0  # of what waits
        self._sent = 0  # of the first chunk that waits
        self._batch = bytearray()
        self.most_bytes = MAX_QUEUED_BYTES
        self.dropped = 0

    @property
    def waits(self) -> bool:
        """Whether anything waits for the peer to take it."""
        return bool(self._waiting)

    @property
    def unsent(self) -> int:
        """How many messages wait, while it is detached."""
        return sum(map(_messages, self._waiting))

    def attach(self, connection: socket.socket) -> None:
        """Send by this socket from now on, what waits at first."""
        self._socket = connection
        if self._waiting:
            self._loop.add_writer(connection, self._write)

    def detach(self) -> None:
        """Send nothing more by the socket, which may be closed then."""
        if self._socket is None:
            return
        self._loop.remove_writer(self._socket)
        self._socket = None
        if self._sent:
            first, whole = self._waiting[0], 0
            while (end := message_end(first, whole)) <= self._sent:
                whole = end
            self._waiting[0] = first[whole:]
            self._bytes -= whole
            self._sent = 0

    def send(self, message: bytes | bytearray) -> None:
        """Send one message, or keep it; it may be changed afterwards."""
        sent = 0
        if not self._waiting and self._socket is not None:
            try:
                sent = self._socket.send(message)
            except OSError:  # it would block; or it fails, as `_write` finds, too
                sent = 0
            if sent == len(message):
                return
        self._keep(message, sent)

    def add(self, message: bytes | bytearray) -> None:
        """Have a message sent with the next `flush`."""
        self._batch += message

    def flush(self) -> None:
        """Send what was added, in one piece."""
        if self._batch:
            self.send(self._batch)
            self._batch.clear()

    def _keep(self, chunk: bytes | bytearray, sent: int) -> None:
        """Have a chunk wait, of which so many bytes are sent."""
        if not self._waiting:
            self._sent = sent
            if self._socket is not None:
                self._loop.add_writer(self._socket, self._write)
        elif self._bytes + len(chunk) > self.most_bytes:
            self.dropped += _messages(chunk)
            self._trim()
            return
        self._waiting.append(bytes(chunk))
        self._bytes += len(chunk)

    def _trim(self) -> None:
        """Drop of the newest what finds no room since that became less; a few at a time."""
        for _ in range(TRIMMED):
            if self._bytes <= self.most_bytes or len(self._waiting) == 1:
                return
            chunk = self._waiting.pop()
            self._bytes -= len(chunk)
            self.dropped += _messages(chunk)

    def _write(self) -> None:
        """Send more of what waits, now that the socket takes it."""
        waiting, connection = self._waiting, self._socket
        if connection is None:
            return
        chunks: list[bytes | memoryview] = list(islice(waiting, TOGETHER))
        chunks[0] = memoryview(chunks[0])[self._sent :]
        try:
            sent = self._sent + connection.sendmsg(chunks)
        except BlockingIOError:
            return
        except OSError:  # whoever reads learns it: also where only sending fails
            self._loop.remove_writer(connection)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            return
        while waiting and sent >= len(waiting[0]):
            size = len(waiting.popleft())
            sent -= size
            self._bytes -= size
        self._sent = sent
        if not waiting:
            self._loop.remove_writer(connection)

    async def empty(self, within_s: float, *, returns: bool = False) -> None:
        """Wait until nothing waits any more, or a time is over, or the peer is gone.

        One that `returns` is waited for.
        """
        until_s = time.monotonic() + within_s
        while self._waiting and (returns or self._socket is not None):
            if time.monotonic() > until_s:
                return
            await asyncio.sleep(LOOK_S)


def _messages(chunk: bytes | bytearray) -> int:
    """Return how many messages a chunk has."""
    count, at = 0, 0
    while at < len(chunk):
        at = message_end(chunk, at)
        count += 1
    return count

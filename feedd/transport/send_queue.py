"""Per-subscriber send queue: whole messages, in order, with a bound on memory."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from itertools import islice

from feedd.transport.unread import unread_bytes
from feedd.transport.zmtp import message_end

MAX_QUEUED_BYTES = 32_000_000  # per peer; messages beyond it are dropped for that peer
POLL_S = 0.005
CHUNKS_PER_WRITE = 256  # queued chunks that one system call sends
TRIMMED = 16  # chunks dropped at once, when the bound has become smaller


class SendQueue:
    """Sends messages by a non-blocking socket, and queues what the socket does not accept.

    Between `detach` and `attach` it queues everything: a peer that lost its connection within a
    message gets that message again. `dropped` counts the messages beyond `max_bytes`.
    """

    __slots__ = ("_batch", "_bytes", "_loop", "_sent", "_socket", "_waiting", "dropped",
                 "max_bytes")  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._socket: socket.socket | None = None
        self._waiting: deque[bytes] = deque()  # chunks of whole messages
        self._bytes = 0  # queued
        self._sent = 0  # bytes of the first queued chunk
        self._batch = bytearray()
        self.max_bytes = MAX_QUEUED_BYTES
        self.dropped = 0

    @property
    def waits(self) -> bool:
        """Whether messages are queued."""
        return bool(self._waiting)

    @property
    def unsent(self) -> int:
        """Number of queued messages, while detached."""
        return sum(map(_messages, self._waiting))

    def attach(self, connection: socket.socket) -> None:
        """Send by this socket from now on, queued messages first."""
        self._socket = connection
        if self._waiting:
            self._loop.add_writer(connection, self._write)

    def detach(self) -> None:
        """Stop using the socket, so that it can be closed."""
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
        """Send or queue one message; the caller may reuse the buffer afterwards."""
        sent = 0
        if not self._waiting and self._socket is not None:
            try:
                sent = self._socket.send(message)
            except OSError:  # would block, or a failure that `_write` will find
                sent = 0
            if sent == len(message):
                return
        self._enqueue(message, sent)

    def add(self, message: bytes | bytearray) -> None:
        """Add a message to the batch of the next `flush`."""
        self._batch += message

    def flush(self) -> None:
        """Send the batch in one call."""
        if self._batch:
            self.send(self._batch)
            self._batch.clear()

    def _enqueue(self, chunk: bytes | bytearray, sent: int) -> None:
        """Queue a chunk whose first `sent` bytes are sent."""
        if not self._waiting:
            self._sent = sent
            if self._socket is not None:
                self._loop.add_writer(self._socket, self._write)
        elif self._bytes + len(chunk) > self.max_bytes:
            self.dropped += _messages(chunk)
            self._trim()
            return
        self._waiting.append(bytes(chunk))
        self._bytes += len(chunk)

    def _trim(self) -> None:
        """Drop the newest chunks beyond a bound that has become smaller, a few at a time."""
        for _ in range(TRIMMED):
            if self._bytes <= self.max_bytes or len(self._waiting) == 1:
                return
            chunk = self._waiting.pop()
            self._bytes -= len(chunk)
            self.dropped += _messages(chunk)

    def _write(self) -> None:
        """Send queued chunks, as the socket is writable."""
        waiting, connection = self._waiting, self._socket
        if connection is None:
            return
        chunks: list[bytes | memoryview] = list(islice(waiting, CHUNKS_PER_WRITE))
        chunks[0] = memoryview(chunks[0])[self._sent :]
        try:
            sent = self._sent + connection.sendmsg(chunks)
        except BlockingIOError:
            return
        except OSError:  # the reader must notice too, if only sending fails
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
        """Wait until the queue is empty, for at most `within_s`, or until the peer is gone.

        A peer that `returns` is waited for even while it is gone. A peer at a Unix socket must have
        read everything: libzmq drops the rest when it sees the connection closed.
        """
        until_s = time.monotonic() + within_s
        while (self._waiting and (returns or self._socket is not None)) or (
            self._socket is not None and unread_bytes(self._socket)
        ):
            if time.monotonic() > until_s:
                return
            await asyncio.sleep(POLL_S)


def _messages(chunk: bytes | bytearray) -> int:
    """Return the number of messages in a chunk."""
    count, at = 0, 0
    while at < len(chunk):
        at = message_end(chunk, at)
        count += 1
    return count

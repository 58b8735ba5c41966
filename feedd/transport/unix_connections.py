"""Connections to Unix sockets that stay open until the peer has read everything.

libzmq's reading side stops while its queue is full. If the connection then closes, it drops what is
still in the system's buffer: `stream_engine_base_t::in_event` acts on the hang-up of epoll(7),
which a Unix socket reports before the last byte is read. A closed TCP connection reports none.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import zmq
from zmq.utils.monitor import parse_monitor_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHECK_EVERY_S = 0.02
_EVENTS = zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED


class UnixConnections:
    """The connections to Unix sockets that a socket has made; create it before the first connect.

    Call `read_events` now and then: the monitor's queue is bounded.
    """

    def __init__(self, watched: zmq.Socket[bytes]) -> None:
        self._watched = watched
        self._monitor = watched.get_monitor_socket(_EVENTS)
        self._monitor.linger = 0
        self._descriptors: set[int] = set()

    def read_events(self) -> None:
        """Read which connections were made and lost."""
        with suppress(zmq.Again):
            while True:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
                descriptor = int(event["value"])
                if event["event"] == zmq.EVENT_CONNECTED and _is_unix(descriptor):
                    self._descriptors.add(descriptor)
                else:
                    self._descriptors.discard(descriptor)

    @contextmanager
    def kept_open(self) -> Iterator[list[int]]:
        """Yield a descriptor of each connection, so that it stays open when libzmq closes it."""
        self.read_events()
        self.close()
        # One may be closed since, and be another's now.
        kept = [os.dup(descriptor) for descriptor in self._descriptors if _is_unix(descriptor)]
        try:
            yield kept
        finally:
            for descriptor in kept:
                os.close(descriptor)

    def close(self) -> None:
        """Stop watching; needed before the context is terminated."""
        self._watched.disable_monitor()
        self._monitor.close()


def read_by_peers(descriptors: Sequence[int], stop: Callable[[float], bool]) -> bool:
    """Wait until the peers have read everything; return False if `stop` returns True before."""
    while any(_unread_bytes(descriptor) for descriptor in descriptors):
        if stop(CHECK_EVERY_S):
            return False
    return True


def _is_unix(descriptor: int) -> bool:
    try:
        one = socket.socket(fileno=descriptor)
    except OSError:  # it is closed
        return False
    try:
        return one.family == socket.AF_UNIX
    finally:
        one.detach()


def _unread_bytes(descriptor: int) -> int:
    """Return what the peer has not read; 0 once it has closed (SIOCOUTQ, which is TIOCOUTQ)."""
    found: tuple[int] = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
    return found[0]

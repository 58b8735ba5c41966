"""Connections to Unix sockets that stay open until the peer has read everything.

libzmq's reading side stops while its queue is full. If the connection then closes, it drops what is
still in the system's buffer: `stream_engine_base_t::in_event` acts on the hang-up of epoll(7),
which a Unix socket reports before the last byte is read. A closed TCP connection reports none.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import zmq
from zmq.utils.monitor import parse_monitor_message

from feedd.transport.unread import unread_bytes

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
                if event["event"] == zmq.EVENT_CONNECTED:
                    self._descriptors.add(descriptor)
                else:
                    self._descriptors.discard(descriptor)

    @contextmanager
    def kept_open(self) -> Iterator[list[socket.socket]]:
        """Yield a duplicate of each connection, so that it stays open when libzmq closes it."""
        self.read_events()
        self.close()
        kept = [one for descriptor in self._descriptors if (one := _duplicate(descriptor))]
        try:
            yield kept
        finally:
            for one in kept:
                one.close()

    def close(self) -> None:
        """Stop watching; needed before the context is terminated."""
        self._watched.disable_monitor()
        self._monitor.close()


def read_by_peers(connections: Sequence[socket.socket], stop: Callable[[float], bool]) -> bool:
    """Wait until the peers have read everything; return False if `stop` returns True before."""
    while any(map(unread_bytes, connections)):
        if stop(CHECK_EVERY_S):
            return False
    return True


def _duplicate(descriptor: int) -> socket.socket | None:
    """Return a duplicate of a Unix socket; None for any other one, and for a closed one."""
    try:
        one = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return None
    if one.family == socket.AF_UNIX:
        return one
    one.close()
    return None

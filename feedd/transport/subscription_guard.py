"""Subscription guard: protects the proxy against untrusted subscribers at its ports.

libzmq does not limit subscriptions. When no file descriptor is left for a new connection, its I/O
thread, which serves everybody, retries in a busy loop. The guard learns of connections by monitors
and inspects their descriptors; no message passes through it.

It covers TCP only: a Unix socket does not show how much it has received, and only processes of the
same user can connect to it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
import zmq
from zmq.utils.monitor import parse_monitor_message

from feedd.transport.quota import BURST_BYTES, Quota
from feedd.transport.service_thread import ServiceThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECK_EVERY_S = 0.05
CHECK_PER_CONNECTION_S = 0.0005  # less often with many, for at most 1 % of a core
EVENTS_PER_TURN = 1000
REFUSALS_PER_TURN = 1000
HOLD_S = 30.0
DROP_BYTES, DROPS = 1 << 20, 64
WARN_EVERY_S = 60.0
MAX_WARNINGS = 1000  # texts whose last warning is remembered

_EVENTS = zmq.EVENT_LISTENING | zmq.EVENT_ACCEPTED | zmq.EVENT_ACCEPT_FAILED | (
    zmq.EVENT_DISCONNECTED
)  # fmt: skip
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
# struct tcp_info of linux/tcp.h: 8 of a byte, 24 of 4 bytes, 3 of 8 bytes, tcpi_bytes_received.
_RECEIVED = slice(128, 136)
# A filter of one instruction, "keep 0 bytes" (linux/filter.h), as struct sock_fprog.
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_FILTER = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0), 8)
_DROP_EVERYTHING = struct.pack("HP", 1, ctypes.addressof(_FILTER))

_log = structlog.get_logger()


@dataclass(slots=True)
class _CountedConnection:
    peer: Any
    quota: Quota


@dataclass(slots=True)
class _Watched:
    """One listening socket; connections by descriptor, None if they are not counted."""

    monitor: zmq.Socket[bytes]
    connections: dict[int, _CountedConnection] | None
    listeners: set[int] = field(default_factory=set)
    connected: set[int] = field(default_factory=set)  # descriptors of all connections

    def change(self, descriptor: int, now_s: float, *, accepted: bool) -> None:
        """Note that a connection was accepted, or has ended."""
        self.connected.discard(descriptor)
        if accepted:
            self.connected.add(descriptor)
        if self.connections is not None:
            self.connections.pop(descriptor, None)
            if accepted and (peer := _peer(descriptor)):
                self.connections[descriptor] = _CountedConnection(peer, Quota(now_s))


class SubscriptionGuard(ServiceThread):
    """Watches sockets of a context in its own thread.

    Descriptors belong to libzmq, which may close them at any time: before it changes one, the guard
    checks that it still has the same peer.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        super().__init__("guard")
        self._context = context
        self._watched: list[_Watched] = []
        self._checked_s = 0.0
        self._held: deque[tuple[float, int, Any]] = deque()  # end time, descriptor, peer
        self._spare: int | None = os.open(os.devnull, os.O_RDONLY)
        self._warned: dict[str, tuple[int, float]] = {}
        self.cut = 0  # subscribers
        self.refused = 0  # connections for which no descriptor was left

    def watch(self, watched: zmq.Socket[bytes], *, quota: bool) -> Callable[[], int]:
        """Watch a socket that is not bound yet, with a quota for each of its connections.

        Return a function of the number of its connections, without those in this process. Raises
        RuntimeError after `start`: a monitor without a reader blocks the socket.
        """
        if self._thread.ident is not None:
            raise RuntimeError("the guard has started; add sockets before")
        endpoint = f"inproc://guard-{len(self._watched)}"
        watched.monitor(endpoint, _EVENTS)
        monitor = self._context.socket(zmq.PAIR)
        monitor.linger = 0
        monitor.connect(endpoint)
        countable = sys.platform == "linux"  # no other system shows the bytes received
        added = _Watched(monitor, {} if quota and countable else None)
        self._watched.append(added)
        return lambda: len(added.connected)

    def _serve(self) -> None:
        poller = zmq.Poller()
        for watched in self._watched:
            poller.register(watched.monitor, zmq.POLLIN)
        while not self._stopping.is_set():
            poller.poll(int(CHECK_EVERY_S * 1000))
            now_s = time.monotonic()
            for watched in self._watched:
                self._read_events(watched, now_s)
            self._check_quotas(now_s)

    def _close(self) -> None:
        for watched in self._watched:
            watched.monitor.close()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _read_events(self, watched: _Watched, now_s: float) -> None:
        none_left = False
        for _ in range(EVENTS_PER_TURN):
            try:
                event = parse_monitor_message(watched.monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                break
            kind, value = event["event"], int(event["value"])
            if kind == zmq.EVENT_LISTENING:
                # Otherwise libzmq's accept would block if the guard's own accept came first.
                os.set_blocking(value, False)
                watched.listeners.add(value)
            elif kind == zmq.EVENT_ACCEPT_FAILED:
                none_left = none_left or value in _NO_DESCRIPTORS
            elif kind == zmq.EVENT_ACCEPTED and self._spare is None:
                self._refuse(value, watched)
            else:
                watched.change(value, now_s, accepted=kind == zmq.EVENT_ACCEPTED)
        if none_left:
            self._refuse_pending(watched, now_s)
        elif self._spare is None:
            self._keep_spare()

    # --- too many subscriptions ---------------------------------------------------------------

    def _check_quotas(self, now_s: float) -> None:
        counted = [watched.connections for watched in self._watched if watched.connections]
        pause_s = max(CHECK_EVERY_S, CHECK_PER_CONNECTION_S * sum(map(len, counted)))
        if now_s - self._checked_s < pause_s:
            return
        self._checked_s = now_s
        self._end_held(now_s)
        for connections in counted:
            for descriptor, connection in list(connections.items()):
                received = _received(descriptor)
                if received is None:
                    del connections[descriptor]
                elif connection.quota.exceeded(received, now_s):
                    del connections[descriptor]
                    self._cut(descriptor, connection.peer, now_s)

    def _cut(self, descriptor: int, peer: Any, now_s: float) -> None:
        """Stop reading a connection, drop its unread bytes, and close it after HOLD_S.

        If it were closed at once, it would reconnect within 100 ms with all its subscriptions.
        """
        with suppress(OSError), _borrowed(descriptor) as one:
            if _peer_of(one) != peer:
                return
            one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _DROP_EVERYTHING)
            unread = bytearray(DROP_BYTES)
            with suppress(BlockingIOError):
                for _ in range(DROPS):
                    one.recv_into(unread, 0, socket.MSG_DONTWAIT | socket.MSG_TRUNC)
        self._held.append((now_s + HOLD_S, descriptor, peer))
        self.cut += 1
        self._warn(
            f"cut off {peer[0]}", now_s,
            why=f"a subscriber sent more than {BURST_BYTES >> 20} MiB of subscriptions",
            port=peer[1], total=self.cut,
        )  # fmt: skip

    def _end_held(self, now_s: float) -> None:
        while self._held and self._held[0][0] <= now_s:
            _, descriptor, peer = self._held.popleft()
            with suppress(OSError), _borrowed(descriptor) as one:
                if _peer_of(one) == peer:
                    one.shutdown(socket.SHUT_RDWR)

    # --- no file descriptor left --------------------------------------------------------------

    def _refuse_pending(self, watched: _Watched, now_s: float) -> None:
        """Accept and close pending connections, by means of the spare descriptor."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        for listener in watched.listeners:
            with suppress(OSError), _borrowed(listener) as one:
                for _ in range(REFUSALS_PER_TURN):
                    one.accept()[0].close()
                    self.refused += 1
        self._keep_spare()
        self._warn(
            "no file descriptor is left for a new connection", now_s,
            what_to_do="raise the hard limit of open files (ulimit -Hn)", refused=self.refused,
        )  # fmt: skip

    def _refuse(self, descriptor: int, watched: _Watched) -> None:
        """Close a connection for which libzmq took the spare descriptor first.

        TCP only. The descriptor may be another connection's by now, but hardly one of the same
        listener.
        """
        ports = {_port(listener) for listener in watched.listeners} - {None}
        if _port(descriptor) in ports:
            with suppress(OSError), _borrowed(descriptor) as one:
                one.shutdown(socket.SHUT_RDWR)
                self.refused += 1

    def _keep_spare(self) -> None:
        with suppress(OSError):  # it is retried
            self._spare = os.open(os.devnull, os.O_RDONLY)

    def _warn(self, what: str, now_s: float, **more: Any) -> None:
        """Log a new warning at once, and the same one at most once per WARN_EVERY_S."""
        times, warned_s = self._warned.get(what, (0, float("-inf")))
        if now_s - warned_s >= WARN_EVERY_S:
            if len(self._warned) >= MAX_WARNINGS:
                self._warned.clear()
            _log.warning(what, suppressed=times, **more)
            self._warned[what] = (0, now_s)
        else:
            self._warned[what] = (times + 1, warned_s)


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """Yield a socket for libzmq's descriptor; raise OSError if it is closed."""
    one = socket.socket(fileno=descriptor)
    try:
        yield one
    finally:
        one.detach()


def _port(descriptor: int) -> int | None:
    """Return the local port of a descriptor; None if it has none."""
    with suppress(OSError), _borrowed(descriptor) as one:
        if one.family in {socket.AF_INET, socket.AF_INET6}:
            port: int = one.getsockname()[1]
            return port
    return None


def _peer(descriptor: int) -> tuple[str, int] | None:
    """Return the peer's address; None if there is no peer, or it is not TCP."""
    with suppress(OSError), _borrowed(descriptor) as one:
        return _peer_of(one)
    return None


def _peer_of(one: socket.socket) -> tuple[str, int] | None:
    if one.family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    host, port, *_ = one.getpeername()
    return host, port


def _received(descriptor: int) -> int | None:
    """Return the bytes received on a connection; None if it is closed."""
    try:
        with _borrowed(descriptor) as one:
            info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED.stop)
    except OSError:
        return None
    return int.from_bytes(info[_RECEIVED], "little")

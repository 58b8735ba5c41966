"""What all of feedd's sockets have in common.

Options are set before bind and connect: libzmq ignores them afterwards
(https://libzmq.readthedocs.io/en/zeromq4-x/zmq_setsockopt.html).
"""

from __future__ import annotations

from typing import Any

import zmq

from feedd.transport.endpoints import not_bound

# Messages that wait for a peer before libzmq drops further ones for it, without a word. The
# default of 1,000 is five seconds of one busy symbol; this is some 30 MB at the worst.
HIGH_WATER_MARK = 100_000
# Of a publisher that drops nothing: its sender waits, and what it may send ahead needs no more.
LOSSLESS_HIGH_WATER_MARK = 5_000
LINGER_MS = 1000  # the default of -1 waits for ever for a peer that is gone
RECONNECT_MS = 100
RECONNECT_MAX_MS = 1000
HANDSHAKE_MS = 3000

REQUEST_BYTES = 65_536  # of a history; whoever sends more is disconnected

SUBSCRIBE = b"\x01"
# What the topics begin with to which only a proxy subscribes, right after it has subscribed to
# everything: a publisher that sees one knows that this proxy takes its messages from now on. Each
# proxy has one of its own, since only the first of equal subscriptions is seen.
PROXY_MARK = b"\x00proxy"
_STATUSES = (b"status", PROXY_MARK)


def make_socket(context: zmq.Context[Any], kind: int) -> zmq.Socket[bytes]:
    """Return a socket of a kind with feedd's options set."""
    socket: zmq.Socket[bytes] = context.socket(kind)
    socket.sndhwm = HIGH_WATER_MARK
    socket.rcvhwm = HIGH_WATER_MARK
    socket.linger = LINGER_MS
    socket.reconnect_ivl = RECONNECT_MS
    socket.reconnect_ivl_max = RECONNECT_MAX_MS
    socket.handshake_ivl = HANDSHAKE_MS
    return socket


def wants_data(frame: bytes) -> bool:
    """Whether what a subscriber sent is a subscription to more than statuses, as of who watches."""
    return frame[:1] == SUBSCRIBE and not frame.startswith(_STATUSES, 1)


def make_lossless(socket: zmq.Socket[bytes], resend_ms: int = -1) -> None:
    """Have a PUB or XPUB wait for its slowest subscriber instead of dropping messages for it.

    With ZMQ_XPUB_NODROP a send waits where a subscriber that wants the message has left the
    high-water mark unread, before anything of the message is sent to anybody, and goes on when it
    has read or is gone (src/xpub.cpp, `xsend`; the option is PUB's too). `resend_ms`: after so
    long it raises zmq.Again instead; -1: never. One subscriber so holds up all others.
    """
    socket.sndhwm = LOSSLESS_HIGH_WATER_MARK
    socket.sndtimeo = resend_ms
    socket.setsockopt(zmq.XPUB_NODROP, 1)
    # One whose machine is gone without a word is found out by the kernel (tcp(7)): 60 s, 4 times.
    socket.tcp_keepalive = 1
    socket.tcp_keepalive_idle = 60
    socket.tcp_keepalive_intvl = 15
    socket.tcp_keepalive_cnt = 4


def bind(socket: zmq.Socket[bytes], endpoint: str) -> None:
    """Bind; raise EndpointInUseError where another process has the endpoint.

    Raises ConfigError where the endpoint can't be bound at all.
    """
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise not_bound(endpoint, OSError(error.errno, error.strerror)) from None

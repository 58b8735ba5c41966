"""Socket options and marks that all of feedd's ZeroMQ sockets share.

Options must be set before bind and connect: libzmq ignores them afterwards
(https://libzmq.readthedocs.io/en/zeromq4-x/zmq_setsockopt.html).
"""

from __future__ import annotations

from typing import Any

import zmq

from feedd.transport.endpoints import not_bound, refuse_replacing

# Messages queued for a peer; libzmq silently drops further ones. The default of 1,000 is five
# seconds of one busy symbol; this is some 30 MB at worst.
HIGH_WATER_MARK = 100_000
# For a publisher that drops nothing: its sender waits, so a short queue is enough.
LOSSLESS_HIGH_WATER_MARK = 5_000
LINGER_MS = 1000  # the default of -1 waits forever for a peer that is gone
RECONNECT_MS = 100
RECONNECT_MAX_MS = 1000
HANDSHAKE_MS = 3000

REQUEST_BYTES = 65_536  # to a history; a client that sends more is disconnected

SUBSCRIBE = b"\x01"
# Prefix of topics to which only a proxy subscribes, right after it has subscribed to everything: a
# publisher that sees one knows that this proxy receives its messages from now on. Each proxy has
# its own mark, since libzmq shows only the first of equal subscriptions.
PROXY_MARK = b"\x00proxy"
_STATUSES = (b"status", PROXY_MARK)


def make_socket(context: zmq.Context[Any], socket_type: int) -> zmq.Socket[bytes]:
    """Return a socket of a ZeroMQ type with feedd's options set."""
    socket: zmq.Socket[bytes] = context.socket(socket_type)
    socket.sndhwm = HIGH_WATER_MARK
    socket.rcvhwm = HIGH_WATER_MARK
    socket.linger = LINGER_MS
    socket.reconnect_ivl = RECONNECT_MS
    socket.reconnect_ivl_max = RECONNECT_MAX_MS
    socket.handshake_ivl = HANDSHAKE_MS
    return socket


def wants_data(frame: bytes) -> bool:
    """Whether a subscriber's frame subscribes to more than statuses, which monitors need."""
    return frame[:1] == SUBSCRIBE and not frame.startswith(_STATUSES, 1)


def make_lossless(socket: zmq.Socket[bytes], resend_ms: int = -1) -> None:
    """Make a PUB or XPUB wait for its slowest subscriber instead of dropping messages.

    With ZMQ_XPUB_NODROP a send blocks while a subscriber of the topic has the high-water mark
    unread. It blocks before it sends any part to any subscriber, and continues once the subscriber
    has read or is gone (src/xpub.cpp, `xsend`; PUB has the option too). After `resend_ms` it raises
    zmq.Again; -1: never. So one subscriber delays all others.
    """
    socket.sndhwm = LOSSLESS_HIGH_WATER_MARK
    socket.sndtimeo = resend_ms
    socket.setsockopt(zmq.XPUB_NODROP, 1)
    # The kernel detects a peer whose machine is silently gone (tcp(7)): after 60 s, then 4 probes.
    socket.tcp_keepalive = 1
    socket.tcp_keepalive_idle = 60
    socket.tcp_keepalive_intvl = 15
    socket.tcp_keepalive_cnt = 4


def bind(socket: zmq.Socket[bytes], endpoint: str) -> None:
    """Bind; raise EndpointInUseError if another process has the endpoint.

    Raises ConfigError if the endpoint can't be bound at all.
    """
    if endpoint.startswith("ipc://"):
        refuse_replacing(endpoint)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise not_bound(endpoint, OSError(error.errno, error.strerror)) from None

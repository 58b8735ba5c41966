"""What a socket's peer has not read yet."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios


def unread_bytes(one: socket.socket) -> int:
    """Return what the peer of a Unix socket has not read; 0 once it has closed.

    SIOCOUTQ, which is TIOCOUTQ. 0 for TCP, where a peer loses nothing of a closed connection.
    """
    if one.family != socket.AF_UNIX or one.fileno() < 0:
        return 0
    found: tuple[int] = struct.unpack("i", fcntl.ioctl(one.fileno(), termios.TIOCOUTQ, bytes(4)))
    return found[0]

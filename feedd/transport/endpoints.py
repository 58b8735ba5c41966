"""Endpoints in libzmq's notation: `tcp://127.0.0.1:5555`, `ipc://run/workers.sock`.

https://libzmq.readthedocs.io/en/zeromq4-x/zmq_tcp.html
"""

from __future__ import annotations

import errno
import re
import socket

from feedd.errors import ConfigError, EndpointInUseError, FinalError
from feedd.runtime.address_holders import Address, Holder, holder_of, is_listened_to


def connectable(endpoint: str) -> str:
    """Return the endpoint to connect to for a bound one; `tcp://*:5500` binds all interfaces."""
    return re.sub(r"^tcp://(\*|0\.0\.0\.0):", "tcp://127.0.0.1:", endpoint)


def address_of(endpoint: str) -> tuple[socket.AddressFamily, Address]:
    """Return the family and the address of an endpoint; raise ConfigError if invalid."""
    if (path := re.fullmatch(r"ipc://(.+)", endpoint)) is not None:
        return socket.AF_UNIX, re.sub("^@", "\0", path[1])  # the abstract namespace of unix(7)
    parts = re.fullmatch(r"tcp://\[?(.+?)\]?:(\d+|\*)", endpoint)
    if parts is None:
        raise ConfigError(f"{endpoint} is not an endpoint like tcp://127.0.0.1:5555")
    host, port = "0.0.0.0" if parts[1] == "*" else parts[1], 0 if parts[2] == "*" else int(parts[2])
    if port > 65_535:  # getaddrinfo would take it modulo 65,536
        raise ConfigError(f"{endpoint} has an invalid port: the largest is 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # also UnicodeError, for an invalid host name
        reason = error.strerror if isinstance(error, OSError) else "it is not a host name"
        raise ConfigError(f"{endpoint}: the host can't be resolved: {reason}") from None
    # libzmq resolves names to IPv4 by default, and would not reach ::1.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, (str(address[0]), int(address[1]))


def not_bound(endpoint: str, error: OSError) -> FinalError:
    """Return the error for an endpoint that could not be bound."""
    if error.errno == errno.EADDRINUSE:
        holder = holder_at(endpoint)
        held = "is in use" if holder is None else f"is held by {holder.text}"
        return EndpointInUseError(f"{endpoint} {held}; stop that process, or configure another")
    return ConfigError(f"{endpoint} can't be bound: {error.strerror or error}")


def holder_at(endpoint: str) -> Holder | None:
    """Return the process that holds an endpoint; None where there is none, or it can't be resolved.

    libzmq also binds names of network interfaces, e.g. `tcp://eth0:5500`.
    """
    try:
        return holder_of(*address_of(endpoint))
    except ConfigError:
        return None


def refuse_replacing(endpoint: str) -> None:
    """Raise EndpointInUseError for a Unix socket at which a process listens.

    libzmq unlinks the socket and binds it again, and the other process would receive nothing more.
    """
    family, address = address_of(endpoint)
    if family == socket.AF_UNIX and isinstance(address, str) and is_listened_to(address):
        raise not_bound(endpoint, OSError(errno.EADDRINUSE, ""))

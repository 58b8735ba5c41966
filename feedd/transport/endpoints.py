"""Endpoints as libzmq writes them, `tcp://127.0.0.1:5555` and `ipc://run/workers.sock`.

https://libzmq.readthedocs.io/en/zeromq4-x/zmq_tcp.html
"""

from __future__ import annotations

import errno
import re
import socket

from feedd.errors import ConfigError, EndpointInUseError, FinalError

Address = str | tuple[str, int]


def connectable(endpoint: str) -> str:
    """Return where to connect to what is bound at an endpoint: `tcp://*:5500` is everywhere."""
    return re.sub(r"^tcp://(\*|0\.0\.0\.0):", "tcp://127.0.0.1:", endpoint)


def address_of(endpoint: str) -> tuple[socket.AddressFamily, Address]:
    """Return the family and the address of an endpoint; raise ConfigError where it has none."""
    if (path := re.fullmatch(r"ipc://(.+)", endpoint)) is not None:
        return socket.AF_UNIX, re.sub("^@", "\0", path[1])  # the abstract namespace of unix(7)
    parts = re.fullmatch(r"tcp://\[?(.+?)\]?:(\d+|\*)", endpoint)
    if parts is None:
        raise ConfigError(f"{endpoint} is no endpoint like tcp://127.0.0.1:5555")
    host, port = "0.0.0.0" if parts[1] == "*" else parts[1], 0 if parts[2] == "*" else int(parts[2])
    if port > 65_535:  # getaddrinfo would take what is left of it by 65,536
        raise ConfigError(f"{endpoint} has no port: 65535 is the last")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # also UnicodeError, of a name that can be none
        raise ConfigError(f"{endpoint} has no address: {error}") from None
    # libzmq looks up names for IPv4 only, where it isn't told otherwise: it would not meet ::1.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, (str(address[0]), int(address[1]))


def not_bound(endpoint: str, error: OSError) -> FinalError:
    """Return the error that says why an endpoint could not be bound."""
    if error.errno == errno.EADDRINUSE:
        return EndpointInUseError(
            f"{endpoint} is in use{_holder(endpoint)}; stop what holds it, "
            "or configure another port"
        )
    return ConfigError(f"{endpoint} can't be bound: {error.strerror or error}")


def _holder(endpoint: str) -> str:
    """Name the process that listens on a TCP port, where the system tells."""
    import psutil  # noqa: PLC0415  subscribers, who never bind, do without it

    match = re.fullmatch(r"tcp://.*:(\d+)", endpoint)
    if match is None:
        return ""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr:
                continue
            if connection.laddr.port == int(match[1]) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""
    return ""

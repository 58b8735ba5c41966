"""Listening TCP socket at an address that the configuration names."""

from __future__ import annotations

import errno
import socket

from feedd.errors import ConfigError, EndpointInUseError
from feedd.runtime.address_holders import holder_of
from feedd.runtime.bind_retry import bind_with_retry


async def tcp_listener(host: str, port: int, key: str) -> socket.socket:
    """Return a socket bound to an IP address, with retries; `key` is the setting of the port.

    Raises EndpointInUseError if the port stays taken, and ConfigError if it can't be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        await bind_with_retry(lambda: _bind(listener, host, port, key))
    except BaseException:
        listener.close()
        raise
    return listener


def _bind(listener: socket.socket, host: str, port: int, key: str) -> None:
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        listener.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            holder = holder_of(listener.family, (host, port))
            held = "is in use" if holder is None else f"is held by {holder.text}"
            raise EndpointInUseError(f"{url} {held}; stop that process, or change {key}") from None
        raise ConfigError(f"{url} can't be bound: {error.strerror}") from None

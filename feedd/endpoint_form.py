"""Endpoints to connect to, as people type them: what is wrong with a text, and what to write."""

from __future__ import annotations

import re

from feedd.errors import ConfigError

LAST_PORT = 65_535  # libzmq takes 70,000 for 4,464
_EXAMPLE = "tcp://127.0.0.1:5500"
_HOST = re.compile(r"\[[0-9A-Fa-f:.%\w]+\]|[^\s/:\[\]]+")


def check_endpoint(endpoint: object) -> None:
    """Raise ConfigError for an endpoint that no client can connect to, with what to write."""
    if (fault := endpoint_fault(endpoint)) is not None:
        raise ConfigError(f"{endpoint} is not an endpoint like {_EXAMPLE}: {fault}")


def endpoint_fault(endpoint: object) -> str | None:
    """Return why no client can connect to an endpoint, and what to write; None where one may."""
    if not isinstance(endpoint, str):
        return "it is not text"
    if not endpoint:
        return "it is empty"
    if endpoint.strip() != endpoint:
        return f"it has spaces around it; write {endpoint.strip()}"
    transport, separator, address = endpoint.partition("://")
    if not separator:
        return _without_transport(endpoint)
    if transport in {"ipc", "inproc"}:
        return None if address else f"it names nothing; write {transport}://PATH"
    if transport != "tcp":
        return f"it must begin with tcp:// or ipc://; is it tcp://{address}?"
    return _tcp_fault(address)


def _without_transport(endpoint: str) -> str:
    if endpoint.isdecimal():
        return f"it is a port only; write tcp://127.0.0.1:{endpoint}"
    if endpoint.startswith(("tcp:", "tcp/")):
        return f"write tcp://{endpoint[3:].lstrip(':/')}"
    if re.fullmatch(r"[^\s/]+:\d+", endpoint):
        return f"it lacks tcp://; write tcp://{endpoint}"
    return "it lacks tcp:// and the port"


def _tcp_fault(address: str) -> str | None:
    if ";" in address:  # libzmq's form with a source address
        return None
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        return f"it has no port; write tcp://{address.rstrip('/')}:5500"
    if not port.isdecimal() or not port.isascii():
        path = re.fullmatch(r"(\d+)/.*", port)
        return "its port is not a number" + (f"; write tcp://{host}:{path[1]}" if path else "")
    if not 1 <= int(port) <= LAST_PORT:
        return f"its port {port} is not from 1 to {LAST_PORT}"
    if host == "*":
        return f"a publisher binds *; write tcp://127.0.0.1:{port}, or the publisher's host"
    if not host:
        return f"it has no host; write tcp://127.0.0.1:{port}"
    if re.fullmatch(r"[0-9A-Fa-f:]+:[0-9A-Fa-f:]*", host):
        return f"an IPv6 address is in brackets; write tcp://[{host}]:{port}"
    return None if _HOST.fullmatch(host) else f"its host is not a name: {host!r}"

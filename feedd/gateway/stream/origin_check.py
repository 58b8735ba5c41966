"""Check of a request's Origin: web pages of other hosts may not read the stream. Pure.

A browser sends Origin with every WebSocket, and lets any page open one to this machine.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_foreign(origin: str | None, host: str | None) -> bool:
    """Whether a request comes from a web page of another host than the one it was sent to.

    `origin` and `host` are the request's headers. Programs send no Origin. Pages that this machine
    serves are accepted by any of its loopback names.
    """
    if origin is None:
        return False
    try:
        page = urlsplit(origin)
        name = page.hostname
    except ValueError:
        return True
    if page.scheme not in ("http", "https") or not name:
        return True  # `null`: a page in a sandbox, or a file
    return not (is_loopback(name) or (host is not None and page.netloc.lower() == host.lower()))


def is_loopback(name: str) -> bool:
    """Whether a host's name or address is this machine's own, that no other machine reaches."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

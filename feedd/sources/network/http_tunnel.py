"""A tunnel through an HTTP proxy: the CONNECT method (RFC 9110, 9.3.6)."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import TYPE_CHECKING

from feedd.sources.network.failures import ProxyFailedError, refused_connect

if TYPE_CHECKING:
    import socket

    from feedd.config.network import ProxyServer

HEADERS_AT_MOST = 64 * 1024  # bytes
_END = b"\r\n\r\n"


async def open_http_tunnel(
    connected: socket.socket, proxy: ProxyServer, host: str, port: int
) -> None:
    """Ask the proxy at the other end of a socket to connect it to a host.

    Raises ProxyFailedError and OSError.
    """
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connected, connect_request(proxy, host, port))
    answer = b""
    while _END not in answer:
        received = await loop.sock_recv(connected, 4096)
        if not received:
            raise ProxyFailedError(f"the proxy {proxy} closed the connection without an answer")
        answer += received
        if not b"HTTP/".startswith(answer[:5]) or len(answer) > HEADERS_AT_MOST:
            raise ProxyFailedError(f"the proxy {proxy} does not answer as an HTTP proxy does")
    head, _, rest = answer.partition(_END)
    status, reason, headers = parse_head(head)
    if not 200 <= status < 300:
        raise refused_connect(proxy, host, port, status, reason, headers)
    if rest:  # the exchange sends nothing before it is asked
        raise ProxyFailedError(f"the proxy {proxy} sent data before the connection was made")


def connect_request(proxy: ProxyServer, host: str, port: int) -> bytes:
    """Return the request, with the credentials of the proxy's URL, if any (RFC 7617)."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", "User-Agent: feedd"]
    if proxy.username or proxy.password:
        pair = f"{proxy.username}:{proxy.password}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}")
    return "\r\n".join([*lines, "", ""]).encode()


def parse_head(head: bytes) -> tuple[int, str, list[tuple[str, str]]]:
    """Return status, reason and headers (names in lower case); status 0 for none."""
    first, *others = head.decode("latin-1").split("\r\n")
    found = re.fullmatch(r"HTTP/\d\.\d +(\d{3})(?: +(.*))?", first)
    if found is None:
        return 0, first[:40], []
    pairs = (line.partition(":") for line in others)
    headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    return int(found[1]), (found[2] or "").strip()[:80], headers

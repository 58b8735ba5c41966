"""A tunnel through a SOCKS5 proxy (RFC 1928, 1929), made by python-socks.

The proxy resolves the host's name, with socks5:// too: a company's own resolver seldom knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy

from feedd.sources.network.failures import ProxyFailedError

if TYPE_CHECKING:
    import socket

    from feedd.config.network import ProxyServer

UNKNOWN_HOST = 4  # RFC 1928, 6: host unreachable


class _Connected:
    """The socket to the proxy, in place of the chained proxy that python-socks expects."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected

    async def connect(self, **_destination: Any) -> socket.socket:
        """Return the socket; it is connected to the proxy."""
        return self._connected


async def open_socks_tunnel(
    connected: socket.socket, proxy: ProxyServer, host: str, port: int
) -> None:
    """Ask the proxy at the other end of a socket to connect it to a host.

    Raises ProxyFailedError and OSError.
    """
    through = Proxy(
        ProxyType.SOCKS5, proxy.host, proxy.port, proxy.username or None, proxy.password or None,
        rdns=True, forward=_Connected(connected),  # type: ignore[arg-type]  # has its one method
    )  # fmt: skip
    try:
        # The caller limits the time, and a limit here would be reported as a broken connection.
        await through.connect(host, port, timeout=3600)
    except ProxyError as error:
        raise ProxyFailedError(failure_text(proxy, host, port, error)) from None


def failure_text(proxy: ProxyServer, host: str, port: int, error: ProxyError) -> str:
    """Return the reason of a failure; codes are those of RFC 1928, 6."""
    text, code = str(error), error.error_code
    if code is not None:
        hint = "; it may not know the host" if code == UNKNOWN_HOST else ""
        return (
            f"the proxy {proxy} can't connect to {host}:{port}: SOCKS code {int(code)}, "
            f"{text[:1].lower()}{text[1:]}{hint}"
        )
    if "authentication failure" in text:
        return f"the proxy {proxy} refuses the user or password"
    if "authentication method" in text.lower():
        if proxy.username and proxy.password:
            return f"the proxy {proxy} accepts no user and password"
        return f"the proxy {proxy} requires a user and a password"
    if "version" in text or "Invalid" in text:
        return f"the proxy {proxy} does not answer as a SOCKS5 proxy does ({text})"
    return f"the proxy {proxy} closed the connection without an answer"

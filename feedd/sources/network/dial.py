"""Connected sockets: to the first of a host's addresses that answers, or through a proxy.

Addresses are tried as RFC 8305 describes (Happy Eyeballs): the next one 250 ms after the last, so
that one that does not answer delays a connection by that much.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import aiohappyeyeballs

from feedd.config.network import PORTS, Network
from feedd.sources.network.failures import ProxyFailedError, no_answer, unreachable
from feedd.sources.network.http_tunnel import open_http_tunnel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.config.network import ProxyServer

    # As socket.getaddrinfo: a list of (family, type, protocol, name, address).
    Resolve = Callable[[str, int], Awaitable[list[Any]]]

NEXT_ADDRESS_AFTER_S = 0.25  # RFC 8305, 8: Connection Attempt Delay


class Dialer:
    """Connects to hosts as a network's settings require; `resolve` finds a host's addresses."""

    def __init__(self, network: Network | None = None, resolve: Resolve | None = None) -> None:
        self.network = network or Network()
        self._resolve = resolve or _resolve

    def proxy_for(self, url: str) -> ProxyServer | None:
        """Return the proxy that a URL is reached through, if any."""
        return self.network.proxy_for(url)

    async def connect(
        self, url: str, host: str, port: int | None, within_s: float
    ) -> socket.socket:
        """Return a non-blocking socket that is connected to a URL's host.

        A proxy resolves the host's name. Raises ProxyFailedError, after `within_s` at the latest,
        where a proxy is to blame, and OSError for the direct connection.
        """
        port = port or PORTS[url.partition(":")[0]]
        proxy = self.network.proxy_for(url)
        if proxy is None:
            return await self._direct(host, port)
        try:
            async with asyncio.timeout(within_s):
                return await self._through(proxy, host, port)
        except TimeoutError:
            raise no_answer(proxy, host, port, within_s) from None

    async def _direct(self, host: str, port: int) -> socket.socket:
        addresses = await self._resolve(host, port)
        try:
            connected = await aiohappyeyeballs.start_connection(
                addresses, happy_eyeballs_delay=NEXT_ADDRESS_AFTER_S, interleave=1
            )
        except RuntimeError as error:  # of uvloop, which aiohappyeyeballs passes on
            raise OSError(str(error)) from None
        # As loops do for the connections that they make: a pong must not wait for an ACK.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    async def _to_proxy(self, proxy: ProxyServer) -> socket.socket:
        try:
            return await self._direct(proxy.host, proxy.port)
        except TimeoutError:
            raise
        except OSError as error:
            raise unreachable(proxy, error) from None

    async def _through(self, proxy: ProxyServer, host: str, port: int) -> socket.socket:
        connected = await self._to_proxy(proxy)
        try:
            if proxy.scheme == "http":
                await open_http_tunnel(connected, proxy, host, port)
            else:
                # Most networks have no SOCKS proxy.
                from feedd.sources.network.socks_tunnel import open_socks_tunnel  # noqa: PLC0415

                await open_socks_tunnel(connected, proxy, host, port)
        except TimeoutError:
            connected.close()
            raise
        except OSError as error:
            connected.close()
            raise ProxyFailedError(f"the proxy {proxy} broke the connection: {error}") from None
        except BaseException:
            connected.close()
            raise
        return connected


async def _resolve(host: str, port: int) -> list[Any]:
    loop = asyncio.get_running_loop()
    return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)

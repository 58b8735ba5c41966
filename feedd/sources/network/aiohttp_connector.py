"""aiohttp's connector on sockets of the dialer.

aiohttp itself has no SOCKS and no networks in `no_proxy`, and does not name a proxy that fails.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from feedd.errors import SourceError
from feedd.sources.network.failures import connection_failure
from feedd.sources.network.tls import tls_context

if TYPE_CHECKING:
    import ssl

    from aiohttp import ClientRequest

    from feedd.sources.network.dial import Dialer

# Before ccxt's own limit of 10 s, so that the reason names the proxy.
PROXY_WITHIN_S = HANDSHAKE_WITHIN_S = 8.0


class DialedConnector(aiohttp.TCPConnector):
    """Connector on sockets of the dialer. Its failures are SourceError.

    It overrides the method that aiohttp-socks overrides too, for lack of a public one.
    """

    def __init__(self, dialer: Dialer, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            ssl=True if tls is None else tls, resolver=_Unresolved(), use_dns_cache=False
        )
        self._dialer = dialer
        self._has_tls = tls is not None

    async def _wrap_create_connection(
        self, *arguments: Any, addr_infos: Any, req: ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  aiohttp's
        client_error: Any = None, **options: Any,
    ) -> Any:  # fmt: skip
        del addr_infos, client_error
        url, host, loop = str(req.url), req.url.host or "", asyncio.get_running_loop()
        if options.get("ssl"):
            options["ssl_handshake_timeout"] = HANDSHAKE_WITHIN_S
            if not self._has_tls:  # after a redirect
                options["ssl"] = tls_context(self._dialer.network)
        try:
            async with asyncio.timeout(timeout.sock_connect):
                connected = await self._dialer.connect(url, host, req.url.port, PROXY_WITHIN_S)
                return await loop.create_connection(*arguments, **options, sock=connected)
        except TimeoutError:
            raise
        except (SourceError, OSError) as error:
            raise SourceError(await connection_failure(self._dialer, url, error)) from None


class _Unresolved(AbstractResolver):
    """Leaves a host's name as it is: the dialer resolves it, or a proxy does."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the name in place of an address."""
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Release nothing."""

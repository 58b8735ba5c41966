"""The HTTP session of a ccxt exchange, for REST and WebSockets: its proxy, TLS and redirects.

Its sockets are the dialer's, as in the native source: aiohttp itself has no SOCKS and no networks
in `no_proxy`, and does not name a proxy that fails.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from feedd.errors import SourceError
from feedd.sources.network.failures import connection_failure
from feedd.sources.network.redirects import REDIRECTS, WEB_PAGE, check_redirect, is_web_page
from feedd.sources.network.tls import tls_context

if TYPE_CHECKING:
    import ssl

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from feedd.sources.network.dial import Dialer

# Before ccxt's own limit of 10 s, so that the reason names the proxy.
PROXY_WITHIN_S = HANDSHAKE_WITHIN_S = 8.0


def with_network(base: Any, dialer: Dialer, tls: ssl.SSLContext | None) -> Any:
    """Return ccxt's class with a session that connects through the dialer."""

    class Networked(base):  # type: ignore[misc]
        session: aiohttp.ClientSession | None = None
        ssl_context = tls or False  # with None ccxt makes one

        def open(self, lazy: bool = False) -> None:
            if self.session is None and not (lazy and self.closed_by_user):
                self.session = http_session(dialer, tls)
            super().open(lazy)

    return Networked


def http_session(dialer: Dialer, tls: ssl.SSLContext | None) -> aiohttp.ClientSession:
    """Return a session that connects through the dialer; needs a running loop."""
    return aiohttp.ClientSession(
        connector=_Connector(dialer, tls), middlewares=(_within_the_exchange,)
    )


class _Connector(aiohttp.TCPConnector):
    """aiohttp's connector on sockets of the dialer. Its failures are SourceError.

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


async def _within_the_exchange(
    request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    """Refuse redirects to other hosts, and web pages in place of data."""
    response = await handler(request)
    try:
        if response.status in REDIRECTS and "Location" in response.headers:
            check_redirect(str(request.url), response.headers["Location"])
        elif (
            response.status == 200
            and response.content_type == "text/html"  # so some exchanges name their JSON
            and is_web_page(await response.read())
        ):
            raise SourceError(f"{request.url.host}: {WEB_PAGE}")
    except BaseException:
        response.close()
        raise
    return response

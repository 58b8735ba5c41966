"""The HTTP session of a ccxt exchange, for REST and WebSockets: its proxy, TLS and redirects.

Its sockets are the dialer's, as in the native source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from feedd.errors import SourceError
from feedd.sources.network.aiohttp_connector import DialedConnector
from feedd.sources.network.redirects import REDIRECTS, WEB_PAGE, check_redirect, is_web_page

if TYPE_CHECKING:
    import ssl

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from feedd.sources.network.dial import Dialer


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
        connector=DialedConnector(dialer, tls), middlewares=(_within_the_exchange,)
    )


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

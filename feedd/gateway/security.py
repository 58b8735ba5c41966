"""Protection of a server that anyone on this machine may read, against web pages of others.

A page of another host can't read the responses: there are no CORS headers. It could make its own
name resolve to this machine's address; the check of Host refuses that. Pure but for the two hooks.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from feedd.gateway.responses import ApiError
from feedd.gateway.stream.origin_check import is_foreign, is_loopback

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

SEND_WITHIN_S = 30.0  # a response; then the client is gone or reads nothing
# Nothing from elsewhere, no inline script or style: foreign text in the page can't run.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; object-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def names_this_machine(host: str | None) -> bool:
    """Whether a Host header names this machine's loopback; programs may send none.

    The port is not checked: an SSH tunnel may have another one at its other end, and a page of
    another host can't choose the name.
    """
    if host is None:
        return True
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018  raises ValueError for one that is no number
    except ValueError:
        return False
    return is_loopback(parts.hostname or "")


@web.middleware
async def only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests that a web page of another host has caused."""
    host = request.headers.get("Host")
    if not names_this_machine(host):
        raise ApiError(
            403,
            f"Host {host!r} is not a name of this machine's loopback",
            "open it as 127.0.0.1 or localhost; a reverse proxy must pass one of them as Host",
        )
    if is_foreign(request.headers.get("Origin"), host):
        raise ApiError(
            403,
            "web pages of other hosts may not read this",
            "open the gateway's own page, or use a program, which sends no Origin",
        )
    return await handler(request)


@web.middleware
async def within_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send a response within SEND_WITHIN_S, or end the connection: it holds the response."""
    response = await handler(request)
    if isinstance(response, web.Response) and not response.prepared:
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
    return response


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add HEADERS to a response."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)

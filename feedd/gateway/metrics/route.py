"""`/metrics`: for Prometheus, as text or OpenMetrics, as gzip if asked for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client.exposition import gzip_accepted

from feedd.gateway.metrics.exposition import content_type
from feedd.gateway.parts import PARTS
from feedd.gateway.responses import ApiError

if TYPE_CHECKING:
    from feedd.gateway.metrics.scrapes import Generation, Scrapes

SEND_WITHIN_S = 10.0  # Prometheus' own limit
MAX_AT_ONCE = 200
SEND_BUFFER = 128 * 1024  # of the kernel, for one scraper; else it grows to some MB
ROUTES = web.RouteTableDef()


@ROUTES.get("/metrics")
async def metrics(request: web.Request) -> web.StreamResponse:
    """Answer with the metrics."""
    scrapes = request.app[PARTS].metrics.scrapes
    if scrapes.running >= MAX_AT_ONCE:
        scrapes.results["refused"] += 1
        raise ApiError(
            503, f"{MAX_AT_ONCE} scrapes run at once", "let fewer programs scrape, or less often"
        )
    scrapes.running += 1
    try:
        return await _answer(request, scrapes)
    finally:
        scrapes.running -= 1


async def _answer(request: web.Request, scrapes: Scrapes) -> web.StreamResponse:
    form = content_type(request.headers.get("Accept", ""))
    generation = await scrapes.generation(form)
    gzip = gzip_accepted(request.headers.get("Accept-Encoding", ""))
    response = _response(generation, form, gzip=gzip)
    connection = None if request.transport is None else request.transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):  # the scraper has left
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await response.prepare(request)
            if request.method != "HEAD":
                for chunk in generation.compressed() if gzip else generation.plain():
                    await response.write(chunk)
            await response.write_eof()
    except TimeoutError:
        scrapes.results["given_up"] += 1
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:  # the scraper has left
        scrapes.results["given_up"] += 1
    else:
        scrapes.results["sent"] += 1
    return response


def _response(generation: Generation, form: str, *, gzip: bool) -> web.StreamResponse:
    response = web.StreamResponse()
    response.headers["Content-Type"] = form
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    if gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.content_length = len(generation.gzip) if gzip else generation.size
    return response

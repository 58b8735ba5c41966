"""`/api/status`: the health of all processes, as `feedd status --json` prints it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from feedd.gateway.parts import PARTS
from feedd.gateway.queries import Query
from feedd.gateway.responses import ApiError, json_response

if TYPE_CHECKING:
    from feedd.health.report import Report

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/status")
async def status(request: web.Request) -> web.Response:
    """Answer with the latest report."""
    Query(request.query, ())
    latest = request.app[PARTS].health.latest
    if latest is None:
        raise ApiError(503, "the health is not known yet", "ask again in a second")
    return await asyncio.to_thread(status_response, latest.report)


def status_response(report: Report) -> web.Response:
    """Return a report as JSON. The encoder reads the processes without a copy of them."""
    return json_response({**report.head(), "processes": report.processes})

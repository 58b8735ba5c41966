"""`/api/status`: the health of all processes, as `feedd status --json` prints it."""

from __future__ import annotations

from aiohttp import web

from feedd.gateway.parts import PARTS
from feedd.gateway.responses import ApiError, json_response

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/status")
async def status(request: web.Request) -> web.Response:
    """Answer with the latest report."""
    latest = request.app[PARTS].health.latest
    if latest is None:
        raise ApiError(503, "the health is not known yet", "ask again in a second")
    return json_response(latest.report.as_dict())

"""`/healthz`: the gateway runs. `/readyz`: the feeds are live."""

from __future__ import annotations

import time

from aiohttp import web

from feedd.gateway.parts import PARTS
from feedd.gateway.responses import ApiError, json_response
from feedd.health.report import Health

STALE_S = 10.0  # an older report says nothing about now

ROUTES = web.RouteTableDef()


@ROUTES.get("/healthz")
async def healthz(_request: web.Request) -> web.Response:
    """Answer as long as the gateway runs."""
    return json_response({"status": "ok"})


@ROUTES.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """Answer 200 if every feed is live and every process runs, else 503 with the reason."""
    latest = request.app[PARTS].health.latest
    if latest is None or time.monotonic() - latest.at_s > STALE_S:
        raise ApiError(503, "the health is not known yet", "ask again in a second")
    if latest.report.health != Health.HEALTHY:
        raise ApiError(
            503, latest.report.reason or "not healthy", "feedd status shows each process"
        )
    return json_response({"status": "ready", "feeds": len(latest.report.feeds)})

"""`/api/openapi.json`: the description of all paths."""

from __future__ import annotations

from aiohttp import web

from feedd.gateway.openapi import JSON, description

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/openapi.json")
async def openapi(_request: web.Request) -> web.Response:
    """Answer with the OpenAPI description."""
    return web.Response(
        body=description(), content_type=JSON, headers={"Cache-Control": "no-cache"}
    )

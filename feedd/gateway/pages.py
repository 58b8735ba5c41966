"""Files of the web page."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "page"

ROUTES = web.RouteTableDef()
ROUTES.static("/page", FOLDER)


@ROUTES.get("/")
async def index(_request: web.Request) -> web.FileResponse:
    """Answer with the page."""
    return web.FileResponse(FOLDER / "index.html", headers={"Cache-Control": "no-cache"})

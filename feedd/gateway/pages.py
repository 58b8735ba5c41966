"""Files of the web page. They are read again when they change, and revalidated on each use."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from feedd.gateway.responses import ApiError
from feedd.gateway.security import HEADERS

FOLDER = Path(__file__).parent / "page"
# By name: what the system's table of types says differs between machines.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}

ROUTES = web.RouteTableDef()


class _Content(NamedTuple):
    version: tuple[int, int]  # of the file: its time of change in ns, and its size
    body: bytes
    etag: str


_read: dict[str, _Content] = {}  # as many as the folder has files


@ROUTES.get("/")
async def index(request: web.Request) -> web.Response:
    """Answer with the page."""
    return _response(request, "index.html")


@ROUTES.get("/page/{name:.+}")
async def file(request: web.Request) -> web.Response:
    """Answer with one of the page's files."""
    return _response(request, request.match_info["name"])


def _response(request: web.Request, name: str) -> web.Response:
    content = _content(name)
    headers = HEADERS | {"Cache-Control": "no-cache", "ETag": f'"{content.etag}"'}
    matching = request.if_none_match or ()
    if any(tag.value in {content.etag, "*"} for tag in matching):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=content.body, content_type=TYPES[Path(name).suffix], charset="utf-8", headers=headers
    )


def _content(name: str) -> _Content:
    """Return a file; raise ApiError if the page has none of this name."""
    path = FOLDER / name
    inside = path.is_relative_to(FOLDER) and ".." not in path.parts
    if not inside or "\0" in name or path.suffix not in TYPES:
        raise _missing(name)
    try:
        status = path.stat()
        version = status.st_mtime_ns, status.st_size
        known = _read.get(name)
        if known is None or known.version != version:
            body = path.read_bytes()
            known = _read[name] = _Content(version, body, hashlib.sha256(body).hexdigest()[:32])
    except OSError:
        raise _missing(name) from None
    return known


def _missing(name: str) -> ApiError:
    if name.startswith("vendor/"):
        remedy = "run in the checkout: make chart-library"
        return ApiError(404, f"the page's library {name} is not installed", remedy)
    return ApiError(404, f"the page has no file {name}", "open /")

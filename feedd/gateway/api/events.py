"""`/api/gaps` and `/api/timeline`: what happened to the feeds, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from feedd.gateway.documents import Gaps, Timeline
from feedd.gateway.journal import GAPS
from feedd.gateway.parts import PARTS
from feedd.gateway.queries import FEED, Query
from feedd.gateway.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Collection

    from feedd.gateway.journal import Entry, Kind

DEFAULT_ENTRIES, MOST_ENTRIES = 100, 1000
PARAMETERS = (*FEED, "limit", "before", "ints")

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/gaps")
async def gaps(request: web.Request) -> web.Response:
    """Answer with gaps of the streams, and of what the exchanges sent."""
    entries, next_before, texts = _page(request, GAPS)
    return json_response(Gaps(entries, next_before, _since_ms(request)), texts=texts)


@ROUTES.get("/api/timeline")
async def timeline(request: web.Request) -> web.Response:
    """Answer with gaps, restarts, changes of state, and stops."""
    entries, next_before, texts = _page(request, None)
    return json_response(Timeline(entries, next_before, _since_ms(request)), texts=texts)


def _page(
    request: web.Request, kinds: Collection[Kind] | None
) -> tuple[list[Entry], int | None, bool]:
    query = Query(request.query, PARAMETERS)
    parts = request.app[PARTS]
    feed = query.feed(parts.feeds)
    limit = query.limit(DEFAULT_ENTRIES, MOST_ENTRIES)
    before = query.number("before", None)
    texts = query.integers_as_text()
    key = None if feed is None else feed.key
    found = list(parts.intake.journal.newest(limit + 1, before=before, feed=key, kinds=kinds))
    page = found[:limit]
    return page, page[-1].number if len(found) > limit else None, texts


def _since_ms(request: web.Request) -> int:
    parts = request.app[PARTS]
    return parts.intake.journal.oldest_ms or parts.started_ms

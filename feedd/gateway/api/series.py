"""`/api/candles` and `/api/trends`: series that the gateway keeps since its start."""

from __future__ import annotations

import asyncio

from aiohttp import web

from feedd.gateway.candles import KEPT as CANDLES_KEPT
from feedd.gateway.documents import CandleList, TrendList
from feedd.gateway.parts import PARTS
from feedd.gateway.queries import FEED, Query
from feedd.gateway.responses import ApiError, json_response
from feedd.gateway.trends import KEPT, SERIES, SHOWN_OF_ALL, STEP_S

DEFAULT_CANDLES = 300

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/candles")
async def candles(request: web.Request) -> web.Response:
    """Answer with the newest candles of a feed."""
    parts = request.app[PARTS]
    query = Query(request.query, (*FEED, "limit"))
    feed, limit = query.one_feed(parts.feeds), query.limit(DEFAULT_CANDLES, CANDLES_KEPT)
    found = parts.candles.of(feed.key, limit)
    if found is None:
        raise ApiError(
            404,
            f"{feed.key} has no candles",
            "they are made from its candles, trades, quotes or tickers: add one of these channels "
            "in the configuration; if it is there, /api/status has the feed's state",
        )
    return json_response(CandleList(found.made_from, found.timeframe, found.candles))


@ROUTES.get("/api/trends")
async def trends(request: web.Request) -> web.Response:
    """Answer with the last ten minutes of all feeds, or the last hour of one."""
    parts = request.app[PARTS]
    query = Query(request.query, (*FEED, "series"))
    feed, series = query.feed(parts.feeds), query.choice("series", SERIES)
    names = SERIES if series is None else (series,)
    if feed is None:
        found = {one: parts.trends.of(one, SHOWN_OF_ALL, names) for one in parts.trends.feeds()}
    else:
        found = {feed.key: parts.trends.of(feed.key, KEPT, names)}
    page = TrendList(STEP_S, {key: one for key, one in found.items() if one is not None})
    return await asyncio.to_thread(json_response, page)

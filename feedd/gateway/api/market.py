"""`/api/book` and `/api/ticks`: messages as on the wire, the last one and earlier ones."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from feedd.clock import NS_PER_MS
from feedd.codec import UNREADABLE, decode
from feedd.gateway.documents import TickPage
from feedd.gateway.parts import PARTS
from feedd.gateway.queries import FEED, Query
from feedd.gateway.responses import ApiError, json_response
from feedd.transport.history_client import BusyError, NoHistoryError

if TYPE_CHECKING:
    from feedd.gateway.parts import Parts
    from feedd.transport.history_client import HistoryRange

DEFAULT_TICKS, MOST_TICKS = 100, 1000
ORIGIN = "client.origin"  # the library's own field, which is not on the wire

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/book")
async def book(request: web.Request) -> web.Response:
    """Answer with the last book of a feed."""
    parts = request.app[PARTS]
    query = Query(request.query, (*FEED, "ints"))
    feed, texts = query.one_feed(parts.feeds), query.integers_as_text()
    latest = parts.intake.market.last("book", feed.exchange, feed.symbol)
    if latest is None:
        raise ApiError(
            404,
            f"no book of {feed.key} has arrived",
            "add book to its channels in the configuration; if it is there, /api/status has its "
            "state",
        )
    content = msgspec.to_builtins(latest.event)
    del content[ORIGIN]
    content["age_ms"] = max(0, (time.time_ns() - content["published_ns"]) // NS_PER_MS)
    return json_response(content, texts=texts)


@ROUTES.get("/api/ticks")
async def ticks(request: web.Request) -> web.Response:
    """Answer with a page of a topic's messages in the proxies' history."""
    parts = request.app[PARTS]
    query = Query(
        request.query, ("topic", *FEED, "channel", "session", "from", "to", "limit", "ints")
    )
    topic = _topic(query, parts)
    limit, texts = query.limit(DEFAULT_TICKS, MOST_TICKS), query.integers_as_text()
    session = query.number("session", None)
    first, last = query.number("from", None, 1), query.number("to", None, 1)
    if first is not None and last is not None and first > last:
        raise ApiError(400, f"from={first} is after to={last}", "write the lower number as from")
    latest = parts.intake.market.topics.get(topic)
    newest = None if latest is None else latest.event
    if session is None and newest is None:
        raise ApiError(404, f"nothing of topic {topic} has arrived", _published(parts, topic))
    if session is None and newest is not None:
        session = newest.session
    if first is None:
        # The newest ones: the history has what this gateway has received, and perhaps more.
        known = newest.seq if newest is not None and newest.session == session else None
        end = last or known
        first = 1 if end is None else max(1, end - limit + 1)
    last = min(first + limit - 1, last or first + limit - 1)
    found = await _found(parts, topic, session or 0, first, last)
    page = await asyncio.to_thread(_page, topic, session or 0, found, last)
    return await asyncio.to_thread(json_response, page, texts=texts)


def _topic(query: Query, parts: Parts) -> str:
    """Return `topic`, or that of a feed and a channel."""
    topic = query.text("topic")
    channel = query.channel()
    if topic is None:
        if channel is None:
            raise ApiError(
                400, "no topic is given", "add topic=<channel>.<exchange>.<symbol>., or channel=…"
            )
        return query.one_feed(parts.feeds).topic(channel)
    if channel is not None or any(query.text(one) is not None for one in FEED):
        raise ApiError(400, "topic and feed are both given", "write only topic=…")
    return parts.feeds.named(topic.partition(".")[2]).topic(query.topic_channel(topic))


def _published(parts: Parts, topic: str) -> str:
    feed = topic.partition(".")[2]
    published = [name for name in parts.intake.market.topics if name.partition(".")[2] == feed]
    if not published:
        return "nothing of this feed has arrived; /api/status has its state"
    return f"the topics of this feed are {', '.join(sorted(published))}"


async def _found(parts: Parts, topic: str, session: int, first: int, last: int) -> HistoryRange:
    try:
        return await parts.history.range(topic, session, first, last)
    except NoHistoryError as error:
        raise ApiError(
            503, f"the history does not answer: {error}", "check the proxy with feedd status"
        ) from None
    except BusyError as error:
        raise ApiError(503, str(error), "ask again in a second") from None


def _page(topic: str, session: int, found: HistoryRange, last: int) -> TickPage:
    """Return a page: a response of the history that was cut off ends before `last`."""
    decoded: list[dict[str, Any]] = []
    for _, payload in found.messages:
        try:
            decoded.append(decode(payload))
        except UNREADABLE:
            continue  # another publisher's; its seq is missing in the page
    next_from = None
    if found.high is not None and decoded:
        after = min(last, int(decoded[-1]["seq"])) + 1
        next_from = after if after <= found.high else None
    return TickPage(topic, session, found.low, found.high, decoded, next_from)

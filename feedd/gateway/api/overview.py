"""`/api/overview`: the state of the whole project, small enough to be asked for every 2 s."""

from __future__ import annotations

import time
from statistics import median_low
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

import feedd
from feedd.clock import NS_PER_MS
from feedd.gateway.documents import Overview, Percentiles, ProcessSummary, Totals
from feedd.gateway.feeds import FeedName
from feedd.gateway.parts import PARTS
from feedd.gateway.queries import Query
from feedd.gateway.responses import ApiError, json_response

if TYPE_CHECKING:
    from feedd.gateway.parts import Parts
    from feedd.health.report import ProcessHealth, Report

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/overview")
async def overview(request: web.Request) -> web.Response:
    """Answer with the latest report, summarized."""
    Query(request.query, ())
    parts = request.app[PARTS]
    latest = parts.health.latest
    if latest is None:
        raise ApiError(503, "the health is not known yet", "ask again in a second")
    return json_response(make_overview(parts, latest.report))


def make_overview(parts: Parts, report: Report) -> Overview:
    """Return the overview of a report."""
    now_ns = time.time_ns()
    head = report.head()
    feeds = {
        feed.name: FeedName(feed.exchange, feed.symbol) for feed in parts.health.config.feeds()
    }
    return Overview(
        now_ms=now_ns // NS_PER_MS,
        version=feedd.__version__,
        started_ms=parts.started_ms,
        behind_ms=parts.stream.behind_ms(time.monotonic(), now_ns),
        health=head["health"],
        reason=head["reason"],
        market=head["market"],
        notices=head["notices"],
        network=head["network"],
        summary=msgspec.convert(head["summary"], Totals),
        latency_us=merged_latency(report),
        clients=len(parts.stream.clients),
        processes=[process_summary(row, feeds.get(row.name)) for row in report.processes],
        proxies=parts.sources.proxies,
        budgets=parts.sources.budgets,
        recorder=parts.sources.recorder,
    )


def process_summary(row: ProcessHealth, feed: FeedName | None) -> ProcessSummary:
    """Return the summary of a process; `feed` is None for one that is no symbol's worker."""
    return ProcessSummary(
        name=row.name,
        process=row.process,
        state=row.state,
        reason=row.reason,
        pid=row.pid,
        uptime_s=row.uptime_s,
        cpu_percent=row.usage.cpu_percent,
        memory_mb=row.usage.memory_mb,
        restarts=row.restarts,
        restarts_last_hour=row.restarts_last_hour,
        is_feed=row.is_feed,
        exchange=row.exchange,
        symbol=None if feed is None else feed.symbol,
        feed=None if feed is None else feed.key,
        healthy=row.healthy,
    )


def merged_latency(report: Report) -> Percentiles | None:
    """Return the median of the feeds' p50 and the highest p99; None where none was measured."""
    measured = [feed.status["latency_us"] for feed in report.feeds if feed.status is not None]
    p50s = [one["p50"] for one in measured if one["p50"] is not None]
    p99s = [one["p99"] for one in measured if one["p99"] is not None]
    return Percentiles(median_low(p50s), max(p99s)) if p50s and p99s else None

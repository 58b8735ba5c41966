"""Readings for tests of the metrics: feeds, statuses and reports as a running system has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from feedd.client.events import Status
from feedd.config.settings import Feed
from feedd.gateway.metrics.feed_totals import NOTHING
from feedd.gateway.metrics.readings import GatewayReading, Readings, StatusReading
from feedd.health.report import ProcessHealth, Report, Usage
from feedd.model import ChannelStatus, Gap, Latency, LatencyCounts

NOW_S = 1000.0
SESSION = 1_796_074_809_265
LATENCY = Latency(80.0, 200.0, 900.0)
COUNTS = LatencyCounts([10, 20, 30, 5, 1, 0, 0, 0, 0, 0, 0, 1], 1_234_567)
CHANNELS = ("ticker", "quote", "trade")


def feed(symbol: str = "BTC/USDT:USDT", exchange: str = "binanceusdm") -> Feed:
    return Feed(f"feed-{symbol}", exchange, "native", symbol, None, CHANNELS)


def channel_status(**changes: Any) -> ChannelStatus:
    values: dict[str, Any] = {
        "state": "live", "reason": None, "age_ms": 500, "stale_after_s": 30.0, "published": True,
        "messages_per_s": 10.0, "latency_us": LATENCY, "reconnects": 2, "reconnects_1h": 1,
        "tries": 0, "waits": False, "gaps": 0, "connected_percent_1h": 99.95,
        "latency_counts": COUNTS,
    }  # fmt: skip
    return ChannelStatus(**{**values, **changes})


def status(of: Feed | None = None, gaps: int = 0, gap: Gap | None = None, **changes: Any) -> Status:
    """Return a status; `gaps` are of each channel."""
    of = of or feed()
    topics = {f"{name}.{of.exchange}.{of.symbol}.": 1001 for name in (*CHANNELS, "status")}
    values: dict[str, Any] = {
        "symbol": of.symbol, "timestamp": 0, "state": "live", "reason": None, "next_seq": topics,
        "messages": 3000, "messages_per_s": 30.0, "reconnects": 6, "gaps": 3 * gaps, "rejected": 1,
        "latency_us": LATENCY, "exchange_latency_us": LATENCY, "uptime_s": 10.0,
        "cpu_percent": 1.0, "memory_mb": 60.0, "exchange": of.exchange, "received_ns": 0,
        "channels": {name: channel_status(gaps=gaps) for name in CHANNELS}, "gap": gap,
        "exchange_latency_counts": COUNTS, "session": SESSION, "seq": 7,
    }  # fmt: skip
    return Status(**{**values, **changes})


def reading(
    of: Feed | None = None, arrived_s: float = NOW_S - 0.5, **changes: Any
) -> StatusReading:
    values: dict[str, Any] = {"gaps": {}, "sums_us": {}, "events_s": {}, "before": NOTHING}
    made = {"status": status(of), "arrived_s": arrived_s, **values, **changes}
    return StatusReading(**made)


def process(of: Feed | None = None, **changes: Any) -> ProcessHealth:
    values: dict[str, Any] = {"name": "proxy", "process": "RUNNING", "pid": 7, "uptime_s": 60}
    if of is not None:
        values |= {"name": of.name, "exchange": of.exchange, "state": "live"}
    return ProcessHealth(
        **{
            **values,
            "usage": Usage(1.0, 60.0, 2.5),
            "restarts": 1,
            "restarts_last_hour": 1,
            **changes,
        }
    )


def readings(
    feeds: Iterable[Feed], statuses: dict[str, StatusReading] | None = None, **changes: Any
) -> Readings:
    """Return readings of feeds that are live, unless `statuses` or `report` are given."""
    feeds = list(feeds)
    if statuses is None:
        statuses = {f"{one.exchange}.{one.symbol}.": reading(one) for one in feeds}
    report = Report((process(), *(process(one) for one in feeds)))
    values: dict[str, Any] = {
        "now_s": NOW_S, "report": report, "report_s": NOW_S - 1,
        "gateway": GatewayReading(started_ms=SESSION), **changes,
    }  # fmt: skip
    return Readings(feeds=feeds, statuses=statuses, **values)

"""Reports and rows for the tests of `feedd top`."""

from __future__ import annotations

from typing import Any

from feedd.health.report import ProcessHealth, Report, Usage
from feedd.operation.top.prices import Price
from feedd.operation.top.rows import TopRow, make_rows

EXCHANGE = "binanceusdm"
NOW_S = 1_000.0


def channel(state: str = "live", **other: Any) -> dict[str, Any]:
    return {
        "state": state, "reason": None, "age_ms": 100, "stale_after_s": 5.0, "published": True,
        "messages_per_s": 10.0, "latency_us": {"p50": 100, "p99": 500, "max": 900},
        "reconnects_1h": 0, "gaps": 0, "waits": False, "connected_percent_1h": 100.0,
        "checked": "whole", "compared_ms": None, **other,
    }  # fmt: skip


def feed(
    symbol: str, state: str = "live", reason: str | None = None, **other: Any
) -> ProcessHealth:
    channels = {"ticker": channel(state), "quote": channel(state)}
    status = {"symbol": symbol, "exchange": EXCHANGE, "gaps": other.pop("gaps", 0)}
    return ProcessHealth(
        **{
            "name": f"feed-{EXCHANGE}-{symbol.replace('/', '-')}",
            "process": "RUNNING",
            "pid": 100,
            "uptime_s": 60,
            "port": 5600,
            "exchange": EXCHANGE,
            "state": state,
            "reason": reason,
            "usage": Usage(1.0, 70.0),
            "channels": channels,
            "status": status,
            "restarts": 0,
            "restarts_last_hour": 0,
            **other,
        }
    )


def process(name: str, **other: Any) -> ProcessHealth:
    return ProcessHealth(**{"name": name, "process": "RUNNING", "pid": 7, "uptime_s": 60,
                            "usage": Usage(0.5, 40.0), **other})  # fmt: skip


def rows(
    *processes: ProcessHealth, price_age_s: float = 0.2, report_age_s: float = 0.0, **prices: float
) -> list[TopRow]:
    """Return rows; `prices` are the last prices by the base of the symbol."""
    priced = {
        f"{EXCHANGE}.{base}/USDT.": Price(last, last - 0.5, last + 0.5, NOW_S - price_age_s)
        for base, last in prices.items()
    }
    return make_rows(Report(processes), {}, priced, NOW_S, NOW_S - report_age_s)

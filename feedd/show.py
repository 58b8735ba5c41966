"""What people read: ticks as lines, health as a table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feedd.health import ProcessHealth, Report


def tick_line(number: int, payload: dict[str, Any]) -> str:
    """Return a ticker as `[1] BTC/USDT:USDT Price: $50,123.45 | Bid: … | Ask: … | Volume: …`."""
    return (
        f"[{number}] {payload.get('symbol')} Price: {price(payload.get('last'))}"
        f" | Bid: {price(payload.get('bid'))} | Ask: {price(payload.get('ask'))}"
        f" | Volume: {amount(payload.get('volume'))}"
    )


def price(value: float | None) -> str:
    """Return dollars, with as many decimals as the size of the price calls for."""
    if value is None:
        return "N/A"
    decimals = 2 if abs(value) >= 1000 else 4 if abs(value) >= 1 else 6
    return f"${value:,.{decimals}f}"


def amount(value: float | None) -> str:
    """Return a size."""
    return "N/A" if value is None else f"{value:,.3f}"


def message_line(topic: str, payload: dict[str, Any]) -> str:
    """Return any message as one line: when, topic, seq, and what is in it."""
    at = time.strftime("%H:%M:%S", time.localtime(payload["published_ns"] / 1e9))
    envelope = {"symbol", "exchange", "received_ns", "published_ns", "session", "seq",
                "timestamp", "datetime", "next_seq"}  # fmt: skip
    rest = " ".join(f"{k}={v}" for k, v in payload.items() if k not in envelope and v is not None)
    return f"{at} {topic} seq={payload['seq']} {rest}"


def health_table(report: Report) -> str:
    """Return a row per process, and a line for the whole."""
    if not report.processes:
        return "feedd is down: supervisord does not run here; `make start` starts it"
    head = ["PROCESS", "SUPERVISOR", "PID", "UPTIME", "PORT", "FEED", "MSG/S", "P99 µs",
            "RECONNECTS", "GAPS", "CPU %", "MB", "WHY"]  # fmt: skip
    rows = [head, *(_row(process) for process in report.processes)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    well = sum(process.healthy for process in report.processes)
    lines.append(
        f"feedd is {report.health.name.lower()}: {well} of {len(report.processes)} processes well"
    )
    return "\n".join(lines)


def _row(process: ProcessHealth) -> list[str]:
    status = process.status or {}
    latency = status.get("latency_us") or {}
    return [
        process.name,
        process.process,
        str(process.pid or "-"),
        _span(process.uptime_s),
        str(process.port or "-"),
        process.state or "-",
        _number(status.get("messages_per_s"), 1),
        _number(latency.get("p99"), 0),
        _number(status.get("reconnects"), 0),
        _number(status.get("gaps"), 0),
        _number(status.get("cpu_percent"), 1),
        _number(status.get("memory_mb"), 0),
        process.reason or "",
    ]


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _span(seconds: int) -> str:
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{left:02d}"

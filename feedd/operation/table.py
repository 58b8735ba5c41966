"""Health as a table with a row for each channel, and a summary line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from feedd.operation.health import Health

if TYPE_CHECKING:
    from typing import TextIO

    from feedd.operation.health import ProcessHealth, Report

HEAD = ("PROCESS", "SUPERVISOR", "PID", "UPTIME", "PORT", "CPU %", "MB", "CHANNEL", "STATE", "AGE",
        "MSG/S", "P50 µs", "P99 µs", "RECONNECTS/H", "GAPS", "UP %", "WHY")  # fmt: skip
RIGHT = frozenset({"PID", "UPTIME", "PORT", "CPU %", "MB", "AGE", "MSG/S", "P50 µs", "P99 µs",
                   "RECONNECTS/H", "GAPS", "UP %"})  # fmt: skip

RED, GREEN, YELLOW, DIM = "31", "32", "33", "2"
WELL = frozenset({"RUNNING", "live", "replay", "ended"})
ON_THE_WAY = frozenset({"STARTING", "STOPPING", "starting", "resync", "reconnecting", "BACKOFF",
                        "UNKNOWN"})  # fmt: skip
HEALTH_COLOURS = {Health.HEALTHY: GREEN, Health.DEGRADED: YELLOW, Health.DOWN: RED}


def wants_colours(stream: TextIO) -> bool:
    """Whether a stream is a terminal, and its user allows colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def health_table(report: Report, *, colours: bool = False) -> str:
    """Return a row per process and channel, and the summary line."""
    if not report.processes:
        return f"feedd is down: {report.reason}"
    rows = [row for process in report.processes for row in _rows(process)]
    widths = [max(len(row[i]) for row in (HEAD, *rows)) for i in range(len(HEAD))]
    lines = [_paint(_line(HEAD, widths), DIM, colours)]
    lines += [_line(row, widths, colours=colours) for row in rows]
    lines += [_paint(notice, YELLOW, colours) for notice in report.notices]
    lines.append(_paint(summary_line(report), HEALTH_COLOURS[report.health], colours))
    return "\n".join(lines)


def summary_line(report: Report) -> str:
    """Return the health and the totals in one line."""
    if not report.processes:
        return f"feedd is down: {report.reason}"
    is_ = report.summary
    why = f" ({report.reason})" if report.health == Health.DOWN else ""
    return (
        f"feedd is {report.health.name.lower()}{why}: {is_['live']} of {is_['feeds']} feeds live, "
        f"{is_['running']} of {is_['processes']} processes running, "
        f"{is_['messages_per_s']:,.1f} msg/s, {is_['gaps']} gaps in these sessions, "
        f"{is_['memory_mb']:,.0f} MB, {is_['cpu_percent']:.0f} % CPU"
    )


def _rows(process: ProcessHealth) -> list[tuple[str, ...]]:
    """Return a row for each channel; the first has the process' own columns."""
    own = (
        process.name,
        process.process,
        str(process.pid or "-"),
        _span(process.uptime_s) if process.uptime_s else "-",
        str(process.port or "-"),
        _number(process.usage.cpu_percent, 1),
        _number(process.usage.memory_mb, 0),
    )
    if not process.channels or process.state == "silent":
        nothing = ("-",) * 7
        return [(*own, "-", process.state or "-", *nothing, process.reason or "")]
    again = (process.name, *[""] * (len(own) - 1))
    return [
        (*(own if index == 0 else again), *_channel(name, status))
        for index, (name, status) in enumerate(process.channels.items())
    ]


def _channel(name: str, status: dict[str, Any]) -> tuple[str, ...]:
    latency = status["latency_us"]
    return (
        name,
        status["state"],
        _age(status["age_ms"]),
        _number(status["messages_per_s"], 1) if status["published"] else "-",
        _number(latency["p50"], 0),
        _number(latency["p99"], 0),
        str(status["reconnects_1h"]),
        str(status["gaps"]),
        _number(status["connected_percent_1h"], 1),
        status["reason"] or "",
    )


def _line(cells: tuple[str, ...], widths: list[int], *, colours: bool = False) -> str:
    padded = []
    for name, cell, width in zip(HEAD, cells, widths, strict=True):
        text = cell.rjust(width) if name in RIGHT else cell.ljust(width)
        colour = _colour(cell) if name in {"SUPERVISOR", "STATE"} else None
        padded.append(_paint(text, colour, colours and colour is not None))
    return "  ".join(padded).rstrip()


def _colour(state: str) -> str | None:
    if state in {"", "-"}:
        return None
    return GREEN if state in WELL else YELLOW if state in ON_THE_WAY else RED


def _paint(text: str, colour: str | None, wanted: bool) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if wanted else text


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _age(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "-"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 100 else _span(int(seconds))


def _span(seconds: int) -> str:
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours:02d}:{minutes:02d}" if days else f"{hours}:{minutes:02d}:{left:02d}"

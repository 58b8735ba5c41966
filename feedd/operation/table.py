"""Health as a table that fits into the terminal, or as one with all columns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from feedd.health.report import Health
from feedd.operation import cells
from feedd.operation.cells import DIM, GREEN, RED, YELLOW, paint, state_colour
from feedd.operation.compact_table import RESTARTS_NOTE, compact_rows
from feedd.runtime.terminal import fold, printable

if TYPE_CHECKING:
    from typing import TextIO

    from feedd.health.report import ProcessHealth, Report

HEAD = ("PROCESS", "SUPERVISOR", "PID", "UPTIME", "PORT", "CPU %", "MB", "RESTARTS/H", "RESTARTS",
        "CHANNEL", "CHECKED", "STATE", "AGE", "MSG/S", "P50 µs", "P99 µs", "RECONNECTS/H", "GAPS",
        "UP %", "WHY")  # fmt: skip
LEFT = frozenset({"PROCESS", "SUPERVISOR", "CHANNEL", "CHECKED", "STATE", "WHY"})
HEALTH_COLOURS = {Health.HEALTHY: GREEN, Health.DEGRADED: YELLOW, Health.DOWN: RED}
INDENT = "  "


def wants_colours(stream: TextIO) -> bool:
    """Whether a stream is a terminal, and its user allows colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def health_table(
    report: Report, columns: int | None = None, lines: int | None = None, *, colours: bool = False
) -> str:
    """Return a row for each process and channel, and the summary.

    No line is wider than `columns`; None: all columns of the table, however wide. Of more than
    `lines`, the last rows are left out.
    """
    head: list[str] = []
    rows: list[str] = []
    if report.processes and columns is None:
        head, rows = _wide_rows(report, colours=colours)
    elif report.processes and columns is not None:
        head, rows = compact_rows(report, columns, colours=colours)
    if report.market is not None:
        folded = [report.market] if columns is None else fold(report.market, columns, INDENT)
        head = [*(paint(line, YELLOW, colours) for line in folded), *head]
    tail = []
    if columns is not None and any(process.restarts for process in report.processes):
        tail += [paint(line, DIM, colours) for line in fold(RESTARTS_NOTE, columns, INDENT)]
    texts = [(line, DIM) for line in report.network]
    texts += [(notice, YELLOW) for notice in report.notices]
    for text, colour in [*texts, (summary_line(report), HEALTH_COLOURS[report.health])]:
        folded = [printable(text)] if columns is None else fold(printable(text), columns, INDENT)
        tail += [paint(line, colour, colours) for line in folded]
    space = len(rows) if lines is None else max(lines - len(head) - len(tail) - 1, 0)
    if space < len(rows):
        more = f"... {len(rows) - space} more lines"
        rows = [*rows[:space], paint(more, DIM, colours)]
    return "\n".join([*head, *rows, *tail])


def summary_line(report: Report) -> str:
    """Return the health and the totals in one line."""
    if not report.processes:
        return f"feedd is down: {report.reason}"
    is_ = report.summary
    why = f" ({report.reason})" if report.health == Health.DOWN else ""
    ended = f", {is_['ended']} ended" if is_["ended"] else ""
    return (
        f"feedd is {report.health.name.lower()}{why}: "
        f"{is_['live']} of {is_['feeds']} feeds live{ended}, "
        f"{is_['running']} of {is_['processes']} processes running, "
        f"{is_['messages_per_s']:,.1f} msg/s, {is_['gaps']} gaps in these sessions, "
        f"{is_['memory_mb']:,.0f} MB, {is_['cpu_percent']:.0f} % CPU"
    )


def _wide_rows(report: Report, *, colours: bool) -> tuple[list[str], list[str]]:
    rows = [row for process in report.processes for row in _rows(process)]
    widths = [max(len(row[i]) for row in (HEAD, *rows)) for i in range(len(HEAD))]
    head = paint(_line(HEAD, widths), DIM, colours)
    return [head], [_line(row, widths, colours=colours) for row in rows]


def _rows(process: ProcessHealth) -> list[tuple[str, ...]]:
    """Return a row for each channel; the first has the process' own columns."""
    own = (
        process.name,
        process.process,
        str(process.pid or "-"),
        cells.span(process.uptime_s) if process.uptime_s else "-",
        str(process.port or "-"),
        cells.number(process.usage.cpu_percent, 1),
        cells.number(process.usage.memory_mb, 0),
        cells.number(process.restarts_last_hour, 0),
        cells.number(process.restarts, 0),
    )
    if not process.channels or process.state == "silent":
        rate = cells.number(process.messages_per_s, 1)
        other = ("-", rate, *("-",) * 5)  # AGE, MSG/S, …
        return [(*own, "-", "-", process.state or "-", *other, printable(process.reason or ""))]
    again = (process.name, *[""] * (len(own) - 1))
    return [
        (*(own if index == 0 else again), *_channel(name, status))
        for index, (name, status) in enumerate(process.channels.items())
    ]


def _channel(name: str, status: dict[str, Any]) -> tuple[str, ...]:
    latency = status["latency_us"]
    return (
        name,
        cells.checked(status) or "-",
        status["state"],
        cells.age(status["age_ms"]),
        cells.number(status["messages_per_s"], 1) if status["published"] else "-",
        cells.number(latency["p50"], 0),
        cells.number(latency["p99"], 0),
        str(status["reconnects_1h"]),
        str(status["gaps"]),
        cells.number(status["connected_percent_1h"], 1),
        printable(status["reason"] or ""),
    )


def _line(cells: tuple[str, ...], widths: list[int], *, colours: bool = False) -> str:
    padded = []
    for name, cell, width in zip(HEAD, cells, widths, strict=True):
        text = cell.ljust(width) if name in LEFT else cell.rjust(width)
        colour = state_colour(cell) if name in {"SUPERVISOR", "STATE"} else None
        padded.append(paint(text, colour, colours and colour is not None))
    return "  ".join(padded).rstrip()

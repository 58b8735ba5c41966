"""Health within the width of a terminal: a row per process, and indented ones per channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from feedd.health.report import SILENT
from feedd.operation import cells
from feedd.operation.cells import DIM, paint, state_colour
from feedd.runtime.terminal import cut, display_width, fold, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from feedd.health.report import ProcessHealth, Report

INDENT = "  "
REASON_INDENT = "    "
REASON_LINES = 3
LEAST_NAME = 16  # columns of the names; where they have fewer, columns on the right are left out
SEPARATOR = 2  # columns between two cells
RESTARTS_NOTE = "RESTARTS: in the last hour / since supervisord started"


class Row(NamedTuple):
    """A process or one of its channels; `cells` are right-aligned."""

    name: str
    state: str
    cells: tuple[str, ...]
    reason: str | None = None


HEAD = (
    Row("PROCESS", "STATE", ("UPTIME", "RESTARTS", "CPU %", "MB")),
    Row(f"{INDENT}CHANNEL (CHECKED BY)", "", ("AGE", "GAPS", "MSG/S", "P99 µs")),
)


def compact_rows(report: Report, columns: int, *, colours: bool) -> tuple[list[str], list[str]]:
    """Return the lines of the table's head, and those of its rows; none is wider than `columns`."""
    rows = [row for process in report.processes for row in _rows(process)]
    layout = _Layout((*HEAD, *rows), columns, colours=colours)
    head = [paint(line, DIM, colours) for row in HEAD for line in layout.lines(row, plain=True)]
    return head, [line for row in rows for line in layout.lines(row)]


def _rows(process: ProcessHealth) -> Iterator[Row]:
    channels = {} if process.state == SILENT else process.channels
    restarts = [cells.compact(n, 0) for n in (process.restarts_last_hour, process.restarts)]
    yield Row(
        process.name,
        process.condition,
        (
            cells.span(process.uptime_s) if process.uptime_s else "-",
            "-" if process.restarts is None else "/".join(restarts),
            cells.compact(process.usage.cpu_percent, 1),
            cells.compact(process.usage.memory_mb, 0),
        ),
        None if channels else process.reason,
    )
    printed = None
    for name, status in channels.items():
        reason = status["reason"]
        yield _channel(name, status, None if reason == printed else reason)
        printed = reason


def _channel(name: str, status: dict[str, Any], reason: str | None) -> Row:
    checked = cells.checked(status)
    return Row(
        f"{INDENT}{name}" if checked is None else f"{INDENT}{name} ({checked})",
        status["state"],
        (
            cells.age(status["age_ms"]),
            cells.compact(status["gaps"], 0),
            cells.compact(status["messages_per_s"], 1) if status["published"] else "-",
            cells.compact(status["latency_us"]["p99"], 0),
        ),
        reason,
    )


class _Layout:
    """Widths of the columns, and rows as lines."""

    def __init__(self, rows: tuple[Row, ...], columns: int, *, colours: bool) -> None:
        self._columns = columns
        self._colours = colours
        self._state = max(display_width(row.state) for row in rows)
        self._cells = [
            max(map(len, column)) for column in zip(*(r.cells for r in rows), strict=True)
        ]
        longest = max(display_width(row.name) for row in rows)
        while self._cells and self._name_space() < min(longest, LEAST_NAME):
            self._cells.pop()
        self._name = max(min(longest, self._name_space()), 1)

    def _name_space(self) -> int:
        return self._columns - sum(SEPARATOR + width for width in (self._state, *self._cells))

    def lines(self, row: Row, *, plain: bool = False) -> list[str]:
        """Return a row's line, and those of its reason."""
        lines, name = [], row.name
        if display_width(name) > self._name:  # whole: supervisorctl and other commands take it
            lines.append(cut(name, self._columns))
            name = ""
        padded = name + " " * (self._name - display_width(name))
        state = cut(row.state, max(self._columns - self._name - SEPARATOR, 1))
        after = " " * (self._state - display_width(state))
        colour = None if plain else state_colour(state)
        line = f"{padded}{' ' * SEPARATOR}{paint(state, colour, self._colours and bool(colour))}"
        for cell, width in zip(row.cells, self._cells, strict=False):
            line += f"{after}{' ' * SEPARATOR}{cell.rjust(width)}"
            after = ""
        lines.append(line.rstrip())
        if row.reason:
            lines += fold(
                printable(row.reason), self._columns, REASON_INDENT, first=REASON_INDENT,
                lines=REASON_LINES,
            )  # fmt: skip
        return lines

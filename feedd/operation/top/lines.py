"""Lines of text with styles: the header, a process in detail, and what happened. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from feedd.health.report import Health
from feedd.operation import cells
from feedd.operation.top.columns import (
    DIM,
    PLAIN,
    STYLES,
    WELL_STYLE,
    Cell,
    price_cell,
    spread_cell,
)
from feedd.operation.top.trends import sparkline
from feedd.runtime.terminal import cut, display_width, fold, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from feedd.gateway.journal import Entry
    from feedd.health.report import Report
    from feedd.operation.top.rows import TopRow

Line = tuple[Cell, ...]
HEALTH_STYLES = {
    Health.HEALTHY: "bold green", Health.DEGRADED: "bold yellow", Health.DOWN: "bold red",
}  # fmt: skip
OLD_S = 4.0  # a report of which the header states the age
MOST_NOTICES = 4
EVENTS = 12
BETWEEN = Cell("   ")


class Seen(NamedTuple):
    """A report and its age; `error` is why there is no newer one, `stream` a fault of the prices.

    `doing` is the action that runs.
    """

    report: Report | None
    age_s: float = 0.0
    error: str | None = None
    stream: str | None = None
    doing: str | None = None


def header(seen: Seen, rows: Sequence[TopRow], columns: int, title: str) -> list[Line]:
    """Return the totals, the notice of invented prices, and the notices."""
    report = seen.report
    lines: list[Line] = []
    if report is None:
        lines.append((Cell(f"{title}  ", DIM), Cell(seen.error or "waiting for the first report")))
        return [_fitting(line, columns) for line in lines]
    health = Cell(report.health.name.lower(), HEALTH_STYLES[report.health])
    if not report.processes:
        lines.append((Cell("feedd is ", DIM), health, Cell(f": {report.reason}")))
    else:
        lines += _totals(report, rows, health, columns)
    if seen.age_s > OLD_S:
        lines.append((Cell(f"as of {seen.age_s:.0f} s ago: supervisord is slow", "bold red"),))
    if report.market is not None:
        lines.append((Cell(report.market, "yellow"),))
    notices = [seen.error, seen.stream and f"prices: {seen.stream}", *report.notices]
    if report.processes:
        notices.insert(0, report.reason)
    shown = [notice for notice in notices if notice]
    for notice in shown[:MOST_NOTICES]:
        lines += [(Cell(line, "yellow"),) for line in fold(printable(notice), columns, lines=2)]
    if len(shown) > MOST_NOTICES:
        lines.append((Cell(f"and {len(shown) - MOST_NOTICES} more: feedd status", "yellow"),))
    if seen.doing is not None:
        lines.append((Cell(seen.doing, "bold cyan"),))
    return [_fitting(line, columns) for line in lines]


def _totals(report: Report, rows: Sequence[TopRow], health: Cell, columns: int) -> list[Line]:
    totals = report.summary
    feeds = [row for row in rows if row.process.is_feed]
    p99 = max((row.p99_us for row in feeds if row.p99_us is not None), default=None)
    unwell = sum(not process.healthy for process in report.processes)
    live = f"{totals['live']} of {totals['feeds']} feeds live"
    ended = f", {totals['ended']} ended" if totals["ended"] else ""
    parts = [
        (Cell(f"{live}{ended}"),),
        (Cell(f"{unwell} unwell", "bold red"),) if unwell else (),
        (Cell(f"{totals['messages_per_s']:,.1f} msg/s"),),
        (Cell(f"{totals['gaps']} gaps", "yellow" if totals["gaps"] else PLAIN),),
        (Cell("worst p99 -" if p99 is None else f"worst p99 {p99:,.0f} µs"),),
        (Cell(f"{totals['cpu_percent']:.0f} % CPU"),),
        (Cell(f"{totals['memory_mb']:,.0f} MB"),),
        (Cell(f"{totals['running']} of {totals['processes']} processes"),),
    ]
    return _wrapped([(health,), *filter(None, parts)], columns)


def _wrapped(parts: Iterable[Line], columns: int) -> list[Line]:
    """Return parts beside each other; a line ends between two of them, not within one."""
    lines: list[Line] = []
    line: list[Cell] = []
    for part in parts:
        if line and _width([*line, *part]) + len(BETWEEN.text) > columns:
            lines.append(tuple(line))
            line = list(part)
        else:
            line += [BETWEEN, *part] if line else part
    return [*lines, tuple(line)]


def selected_line(row: TopRow | None, columns: int) -> Line:
    """Return the line below the table: the selected process, and the reason of its state."""
    if row is None:
        return ()
    why = f": {row.reason}" if row.reason else ""
    style = STYLES.get(row.rank, DIM)
    return _fitting((Cell(printable(f"{row.name} {row.state}{why}"), style),), columns)


def event_line(entry: Entry, columns: int, *, named: bool = False) -> list[Line]:
    """Return what happened at a time, in one or several lines; `named`: with the feed."""
    at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).astimezone().strftime("%H:%M:%S")
    where = f"{entry.feed} " if named else ""
    what, style = _event(entry)
    reason = f": {entry.reason}" if entry.reason else ""
    text = printable(f"{where}{what}{reason}")
    return [(Cell(one, style),) for one in fold(f"{at} {text}", columns, " " * 9, lines=3)]


def _event(entry: Entry) -> tuple[str, str]:
    match entry.kind:
        case "gap":
            count = (entry.to_seq or 0) - (entry.from_seq or 0) + 1
            seqs = f"seq {entry.from_seq} to {entry.to_seq}"
            text = f"gap in {entry.channel}: {count:,} messages, {seqs}, did not arrive here"
            return text, "yellow"
        case "upstream_gap":
            between = (
                "" if entry.from_id is None else f" after {entry.from_id} and before {entry.to_id}"
            )
            return f"gap in {entry.channel}: missed from the exchange{between}", "yellow"
        case "restart":
            return "restarted: a new session", "cyan"
        case "stopped":
            return "stopped", "red"
        case "state":
            live = entry.state == "live"
            return f"{entry.state}", WELL_STYLE if live else "yellow"


def detail(row: TopRow, entries: Iterable[Entry], columns: int) -> list[Line]:
    """Return everything known of a feed or process."""
    process = row.process
    usage = process.usage
    lines: list[Line] = [
        (Cell(printable(row.label), "bold"), Cell(f"  {printable(row.exchange)}  "),
         Cell(printable(row.state), STYLES.get(row.rank, WELL_STYLE))),
    ]  # fmt: skip
    if row.reason:
        style = STYLES.get(row.rank, DIM)
        lines += [(Cell(one, style),) for one in fold(printable(row.reason), columns, lines=4)]
    facts = (
        ("process", printable(process.name)), ("supervisor", process.process),
        ("pid", str(process.pid or "-")), ("port", str(process.port or "-")),
        ("uptime", cells.span(process.uptime_s) if process.uptime_s else "-"),
        ("CPU", f"{cells.number(usage.cpu_percent, 1)} %"),
        ("memory", f"{cells.number(usage.memory_mb, 0)} MB"),
        ("restarts", _restarts(row)),
    )  # fmt: skip
    lines += _wrapped(((Cell(f"{name} ", DIM), Cell(value)) for name, value in facts), columns)
    if process.is_feed:
        lines += ((), *_price_lines(row, columns), (), *_channel_lines(row, columns))
    lines += ((), (Cell("RECENT EVENTS", "bold"), Cell("  since this program started", DIM)))
    events = [line for entry in entries for line in event_line(entry, columns)]
    lines += events or [(Cell("none", DIM),)]
    return [_fitting(line, columns) for line in lines]


def _restarts(row: TopRow) -> str:
    total, hour = row.process.restarts, row.process.restarts_last_hour
    return "-" if total is None else f"{hour} in the last hour, {total} in all"


def _price_lines(row: TopRow, columns: int) -> list[Line]:
    price, age = row.price, "-" if row.age_s is None else cells.age(int(row.age_s * 1000))
    word = "" if row.current else "  not current"
    style = PLAIN if row.current else STYLES.get(row.rank, "yellow")
    parts = [
        (Cell("last ", DIM), price_cell(row, price.last)),
        (Cell("bid ", DIM), price_cell(row, price.bid)),
        (Cell("ask ", DIM), price_cell(row, price.ask)),
        (Cell("spread ", DIM), spread_cell(row)),
        (Cell("age ", DIM), Cell(f"{age}{word}", style)),
    ]
    width = max(columns - 14, 8)
    return [
        *_wrapped(parts, columns),
        (Cell("price       ", DIM), Cell(sparkline(row.prices, width), "cyan")),
        (Cell("messages/s  ", DIM), Cell(sparkline(row.rates, width, 0.0), "blue")),
    ]


CHANNEL_HEAD = ("CHANNEL", "CHECKED", "STATE", "AGE", "MSG/S", "P50 µs", "P99 µs", "RECONN/H",
                "GAPS", "UP %")  # fmt: skip
LEFT = 3  # columns that are left-aligned


def _channel_lines(row: TopRow, columns: int) -> list[Line]:
    rows, reasons = [], []
    for name, channel in row.process.channels.items():
        latency = channel["latency_us"]
        rows.append((
            printable(name), printable(cells.checked(channel) or "-"), printable(channel["state"]),
            cells.age(channel["age_ms"]),
            cells.compact(channel["messages_per_s"], 1) if channel["published"] else "-",
            cells.compact(latency["p50"], 0), cells.compact(latency["p99"], 0),
            str(channel["reconnects_1h"]), str(channel["gaps"]),
            cells.number(channel["connected_percent_1h"], 1),
        ))  # fmt: skip
        reasons.append(printable(channel["reason"] or ""))
    widths = [max(map(len, column)) for column in zip(CHANNEL_HEAD, *rows, strict=True)]
    lines: list[Line] = [(Cell(_row_text(CHANNEL_HEAD, widths), DIM),)]
    for texts, reason in zip(rows, reasons, strict=True):
        style = "yellow" if texts[2] != "live" else PLAIN
        lines.append((Cell(_row_text(texts, widths), style),))
        lines += [(Cell(one, "yellow"),) for one in fold(reason, columns, "  ", first="  ", lines=2)
                  if reason]  # fmt: skip
    return lines


def _row_text(texts: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        text.ljust(width) if index < LEFT else text.rjust(width)
        for index, (text, width) in enumerate(zip(texts, widths, strict=True))
    )


def _width(line: Iterable[Cell]) -> int:
    return sum(display_width(cell.text) for cell in line)


def _fitting(line: Line, columns: int) -> Line:
    """Return a line that is no wider than the screen."""
    fitting, left = [], columns
    for cell in line:
        text = cut(cell.text, left) if left > 0 else ""
        left -= display_width(text)
        if text:
            fitting.append(Cell(text, cell.style))
    return tuple(fitting)

"""Columns of `feedd top`: their texts, and which of them fit into a width. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.operation import cells, show
from feedd.operation.top.rows import BAD, COMING, TopRow
from feedd.operation.top.trends import sparkline
from feedd.prices import plain
from feedd.runtime.terminal import cut, display_width, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STYLES = {BAD: "bold red", COMING: "yellow"}
WELL_STYLE, DIM, PLAIN = "green", "dim", ""
TREND_COLUMNS = 10
LEAST_NAME, MOST_NAME = 12, 40
LEAST_WHY = 24
ASCENDING, DESCENDING = "▲", "▼"


class Cell(NamedTuple):
    """Text of a cell, and its style."""

    text: str
    style: str = PLAIN


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `value` is what it is sorted by; None where it can't be.

    `highest_first` is the direction in which it is sorted first.
    """

    key: str
    title: str
    width: int
    cell: Callable[[TopRow, int], Cell]
    value: Callable[[TopRow], Any] | None
    highest_first: bool = True
    left: bool = False


class Placed(NamedTuple):
    """A column and its width on the screen, without the space after it."""

    column: Column
    width: int


def _name(row: TopRow, _width: int) -> Cell:
    return Cell(printable(row.label), PLAIN if row.process.is_feed else "italic")


def _state(row: TopRow, _width: int) -> Cell:
    return Cell(printable(row.state), STYLES.get(row.rank, WELL_STYLE))


def price_cell(row: TopRow, value: float | None) -> Cell:
    """Return a price; in parentheses and dim where it is not current."""
    if value is None:
        return Cell("-", DIM)
    return _of_the_time(row, show.price(value).removeprefix("$"))


def spread_cell(row: TopRow) -> Cell:
    """Return ask less bid."""
    return Cell("-", DIM) if row.spread is None else _of_the_time(row, plain(row.spread, 2))


def _of_the_time(row: TopRow, text: str) -> Cell:
    return Cell(text) if row.current else Cell(f"({text})", DIM)


def _age(row: TopRow, _width: int) -> Cell:
    text = "-" if row.age_s is None else cells.age(max(int(row.age_s * 1000), 0))
    if row.process.is_feed and not row.current and row.age_s is not None:
        return Cell(text, STYLES.get(row.rank, PLAIN))
    return Cell(text)


def _gaps(row: TopRow, _width: int) -> Cell:
    return Cell(cells.compact(row.gaps, 0), "yellow" if row.gaps else PLAIN)


def _restarts(row: TopRow, _width: int) -> Cell:
    hour, total = row.process.restarts_last_hour, row.process.restarts
    if total is None:
        return Cell("-")
    text = "/".join(cells.compact(n, 0) for n in (hour, total))
    return Cell(text, "yellow" if hour else PLAIN)


def _price_trend(row: TopRow, width: int) -> Cell:
    return Cell(sparkline(row.prices, width), "cyan" if row.current else DIM)


def _rate_trend(row: TopRow, width: int) -> Cell:
    return Cell(sparkline(row.rates, width, floor=0.0), "blue" if row.current else DIM)


def _number(value: Callable[[TopRow], float | None], decimals: int) -> Callable[..., Cell]:
    return lambda row, _width: Cell(cells.compact(value(row), decimals))


def _uptime(row: TopRow, _width: int) -> Cell:
    return Cell(cells.span(row.process.uptime_s) if row.process.uptime_s else "-")


def _why(row: TopRow, _width: int) -> Cell:
    return Cell(printable(row.reason), STYLES.get(row.rank, DIM))


NAME = Column("name", "SYMBOL / PROCESS", MOST_NAME, _name, lambda r: r.label.lower(),
              highest_first=False, left=True)  # fmt: skip
WHY = Column("why", "WHY", 200, _why, None, left=True)
COLUMNS = (
    NAME,
    Column("exchange", "EXCHANGE", 14, lambda r, _: Cell(printable(r.exchange)),
           lambda r: r.exchange or None, highest_first=False, left=True),
    Column("state", "STATE", 12, _state, lambda r: r.rank, highest_first=False, left=True),
    Column("last", "LAST", 12, lambda r, _: price_cell(r, r.price.last), lambda r: r.price.last),
    Column("price_trend", "PRICE", TREND_COLUMNS, _price_trend, None, left=True),
    Column("bid", "BID", 12, lambda r, _: price_cell(r, r.price.bid), lambda r: r.price.bid),
    Column("ask", "ASK", 12, lambda r, _: price_cell(r, r.price.ask), lambda r: r.price.ask),
    Column("spread", "SPREAD", 9, lambda r, _: spread_cell(r), lambda r: r.spread),
    Column("rate", "MSG/S", 6, _number(lambda r: r.messages_per_s, 1),
           lambda r: r.messages_per_s),
    Column("rate_trend", "RATE", TREND_COLUMNS, _rate_trend, None, left=True),
    Column("age", "AGE", 7, _age, lambda r: r.age_s),
    Column("p50", "P50 µs", 6, _number(lambda r: r.p50_us, 0), lambda r: r.p50_us),
    Column("p99", "P99 µs", 6, _number(lambda r: r.p99_us, 0), lambda r: r.p99_us),
    Column("gaps", "GAPS", 5, _gaps, lambda r: r.gaps),
    Column("reconnects", "RECONN/H", 8, _number(lambda r: r.reconnects_1h, 0),
           lambda r: r.reconnects_1h),
    Column("up", "UP %", 6, _number(lambda r: r.connected_percent, 1),
           lambda r: r.connected_percent, highest_first=False),
    Column("cpu", "CPU %", 6, _number(lambda r: r.process.usage.cpu_percent, 1),
           lambda r: r.process.usage.cpu_percent),
    Column("memory", "MB", 6, _number(lambda r: r.process.usage.memory_mb, 0),
           lambda r: r.process.usage.memory_mb),
    Column("uptime", "UPTIME", 8, _uptime, lambda r: r.process.uptime_s or None,
           highest_first=False),
    Column("restarts", "RESTARTS", 8, _restarts, lambda r: r.process.restarts),
    Column("pid", "PID", 7, lambda r, _: Cell(str(r.process.pid or "-")),
           lambda r: r.process.pid, highest_first=False),
    WHY,
)  # fmt: skip
BY_KEY = {column.key: column for column in COLUMNS}
# What is left out first is last.
IMPORTANCE = ("name", "state", "age", "last", "rate", "gaps", "price_trend", "p99", "bid", "ask",
              "cpu", "memory", "uptime", "restarts", "why", "rate_trend", "spread", "exchange",
              "reconnects", "up", "p50", "pid")  # fmt: skip


def place(rows: Sequence[TopRow], width: int) -> list[Placed]:
    """Return the columns that fit into a width, in their order; the reason takes what is left."""
    name = max([display_width(printable(row.label)) for row in rows] + [len(NAME.title)])
    exchanges = {row.exchange for row in rows if row.exchange}
    importance = list(IMPORTANCE)
    if len(exchanges) > 1:  # the symbol alone does not name the feed
        importance.remove("exchange")
        importance.insert(1, "exchange")
    # A narrow terminal has a third of its columns for the names.
    widths = {"name": min(name, MOST_NAME, max(LEAST_NAME, width // 3))}
    left = width - widths["name"] - 1
    for key in importance[1:]:
        least = LEAST_WHY if key == "why" else BY_KEY[key].width
        if least + 1 > left:
            if key in {"last", "age", "state"}:
                break  # a price without its state and age could be taken for a current one
            continue
        widths[key] = least
        left -= least + 1
    if "why" in widths:
        widths["why"] += left
    else:
        widths["name"] = min(name, MOST_NAME, widths["name"] + left)
    return [Placed(column, widths[column.key]) for column in COLUMNS if column.key in widths]


def text_of(cell: Cell, placed: Placed) -> str:
    """Return a cell's text at the width of its column, and the space after it."""
    text = cut(cell.text, placed.width)
    space = " " * (placed.width - display_width(text))
    return f"{text}{space} " if placed.column.left else f"{space}{text} "


def title_of(placed: Placed, sorted_by: str, *, reverse: bool) -> str:
    """Return a column's title, with an arrow where the rows are sorted by it."""
    title = placed.column.title
    if placed.column.key == sorted_by:
        title = title[: placed.width - 1] + (DESCENDING if reverse else ASCENDING)
    return text_of(Cell(title), placed)

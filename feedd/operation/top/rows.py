"""Rows of `feedd top`: one per feed and process; their order, and the filter. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feedd.health.report import ENDED, SILENT
from feedd.operation.cells import YELLOW, state_colour
from feedd.operation.top.prices import Price, feed_key
from feedd.prices import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from feedd.health.report import ProcessHealth, Report

BAD, COMING, WELL = 0, 1, 2  # ranks: what is worse comes first
REPORT_OLD_S = 6.0  # supervisord may take 5 s to answer
ARRIVES_LATER_S = 2.0  # than the feed's own status shows


@dataclass(frozen=True, slots=True)
class TopRow:
    """A feed or another process. `current` is False where its price is not the market's any more.

    `price_age_s` is the age of the price, else that of the newest event of any channel.
    """

    process: ProcessHealth
    label: str  # the symbol; the program's name where there is none
    key: str  # <exchange>.<symbol>., or empty
    rank: int
    price: Price
    age_s: float | None
    current: bool
    messages_per_s: float | None
    p50_us: float | None
    p99_us: float | None
    gaps: int | None
    reconnects_1h: int | None
    connected_percent: float | None
    prices: Sequence[float | None] = ()
    rates: Sequence[float | None] = ()

    @property
    def name(self) -> str:
        """Return the program's name."""
        return self.process.name

    @property
    def exchange(self) -> str:
        """Return the exchange; empty for a process that is no feed."""
        return self.process.exchange or ""

    @property
    def state(self) -> str:
        """Return its own state, or supervisord's."""
        return self.process.condition

    @property
    def reason(self) -> str:
        """Return the reason of its state, or of the first channel that has one."""
        reasons = [channel["reason"] for channel in self.process.channels.values()]
        return self.process.reason or next(filter(None, reasons), "")

    @property
    def spread(self) -> float | None:
        """Return ask less bid."""
        if self.price.bid is None or self.price.ask is None:
            return None
        return difference(self.price.ask, self.price.bid)


def make_rows(
    report: Report,
    symbols: Mapping[str, str],
    prices: Mapping[str, Price],
    now_s: float,
    at_s: float,
) -> list[TopRow]:
    """Return the rows of a report of `at_s`: the feeds, then the other processes.

    `symbols` are those of the feeds' programs, as far as the configuration is known.
    """
    rows = [_row(process, symbols, prices, now_s, at_s) for process in report.processes]
    return [row for row in rows if row.process.is_feed] + [
        row for row in rows if not row.process.is_feed
    ]


def _row(
    process: ProcessHealth,
    symbols: Mapping[str, str],
    prices: Mapping[str, Price],
    now_s: float,
    at_s: float,
) -> TopRow:
    status = process.status or {}
    symbol = status.get("symbol") or symbols.get(process.name)
    key = feed_key(process.exchange, symbol) if symbol and process.exchange else ""
    channels = [] if process.state == SILENT else list(process.channels.values())
    price = prices.get(key, Price())
    rates = [c["messages_per_s"] for c in channels if c["published"]]
    rate = process.messages_per_s if process.messages_per_s is not None else sum(rates)
    ages = [c["age_ms"] for c in channels if c["age_ms"] is not None]
    age_s = (now_s - price.at_s) if price.at_s else None
    if age_s is None and ages:
        age_s = min(ages) / 1000 + now_s - at_s
    return TopRow(
        process=process,
        label=symbol or process.name,
        key=key,
        rank=rank(process),
        price=price,
        age_s=age_s,
        current=process.healthy
        and process.state != ENDED
        and now_s - at_s <= REPORT_OLD_S
        and (age_s is None or age_s <= _quiet_s(channels) + ARRIVES_LATER_S),
        messages_per_s=rate if channels or process.messages_per_s is not None else None,
        p50_us=_largest(c["latency_us"]["p50"] for c in channels),
        p99_us=_largest(c["latency_us"]["p99"] for c in channels),
        gaps=status.get("gaps"),
        reconnects_1h=_largest(c["reconnects_1h"] for c in channels),
        connected_percent=_smallest(c["connected_percent_1h"] for c in channels),
    )


def _quiet_s(channels: list[dict[str, Any]]) -> float:
    """Return how long the channels may be silent while they are live."""
    return max((channel["stale_after_s"] for channel in channels), default=0.0)


def rank(process: ProcessHealth) -> int:
    """Return how well a process is, the worst first."""
    if process.healthy:
        return WELL
    return COMING if state_colour(process.condition) == YELLOW else BAD


def sorted_rows(
    rows: Iterable[TopRow], value: Callable[[TopRow], Any], *, reverse: bool
) -> list[TopRow]:
    """Return rows ordered by a value, those without one last; equal ones keep their order."""
    rows = list(rows)
    known = [row for row in rows if value(row) is not None]
    return sorted(known, key=value, reverse=reverse) + [row for row in rows if value(row) is None]


def filtered(rows: Iterable[TopRow], text: str) -> list[TopRow]:
    """Return the rows that have every word, in any case; `!word` leaves out those that have it."""
    words = text.lower().split()
    return [row for row in rows if all(_has(row, word) for word in words)]


def _has(row: TopRow, word: str) -> bool:
    if word.startswith("!"):
        return len(word) == 1 or not _has(row, word[1:])
    texts = (row.label, row.name, row.exchange, row.state, row.reason)
    return any(word in text.lower() for text in texts)


def _largest(values: Iterable[float | None]) -> Any:
    return max((value for value in values if value is not None), default=None)


def _smallest(values: Iterable[float | None]) -> Any:
    return min((value for value in values if value is not None), default=None)

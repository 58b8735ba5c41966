"""Types of the API's responses, from which the OpenAPI description is derived."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from feedd import model
from feedd.gateway.journal import Entry  # noqa: TC001  msgspec reads the annotations
from feedd.gateway.sources import ProxySource, RecorderSource  # noqa: TC001
from feedd.sources.limits.budget_use import BudgetUse  # noqa: TC001

HealthName = Literal["healthy", "degraded", "down"]


class Alive(Struct, frozen=True):
    """The gateway runs."""

    status: Literal["ok"]


class Ready(Struct, frozen=True):
    """Every feed is live and every process runs."""

    status: Literal["ready"]
    feeds: int


class Problem(Struct, frozen=True):
    """What is wrong, and what to do."""

    error: str
    remedy: str


class ProcessSummary(Struct, frozen=True):
    """One process; `feed` is `<exchange>.<symbol>.` of a symbol's worker."""

    name: str
    process: str
    state: str | None
    reason: str | None
    pid: int | None
    uptime_s: int
    cpu_percent: float | None
    memory_mb: float | None
    restarts: int | None
    restarts_last_hour: int | None
    is_feed: bool
    exchange: str | None
    symbol: str | None
    feed: str | None
    healthy: bool


class Totals(Struct, frozen=True):
    """Totals over all processes; `gaps` counts those of the running sessions."""

    feeds: int
    live: int
    ended: int
    processes: int
    running: int
    messages_per_s: float
    gaps: int
    memory_mb: float
    cpu_percent: float


class Percentiles(Struct, frozen=True):
    """Latency from a frame's arrival to its publication, in µs.

    `p50` is the median of the feeds' medians in the last second, `p99` the highest p99 of a feed.
    """

    p50: float
    p99: float


class Overview(Struct, frozen=True):
    """State of the whole project; times are ms since the epoch.

    `behind_ms` is the age that the newest message had when the gateway took it.
    """

    now_ms: int
    version: str
    started_ms: int
    behind_ms: int | None
    health: HealthName
    reason: str | None
    market: str | None
    notices: list[str]
    network: list[str]
    summary: Totals
    latency_us: Percentiles | None
    clients: int
    processes: list[ProcessSummary]
    proxies: list[ProxySource]
    budgets: list[BudgetUse]
    recorder: RecorderSource | None


class ProcessUsage(Struct, frozen=True):
    """CPU in percent of one core, and memory in MB."""

    cpu_percent: float | None
    memory_mb: float | None


class ProcessReport(Struct, frozen=True):
    """One process; `channels` and `status` are of the last status of a feed, at most 3 s old.

    `process` is supervisord's state, MISSING, or UNKNOWN where supervisord hangs; `state` is the
    process's own. `restarts` are the unrequested ones since supervisord started.
    """

    name: str
    process: str
    pid: int | None
    uptime_s: int
    port: int | None
    exchange: str | None
    state: str | None
    reason: str | None
    usage: ProcessUsage
    channels: dict[str, model.ChannelStatus]
    status: model.Status | None
    ended: bool
    restarts: int | None
    restarts_last_hour: int | None
    messages_per_s: float | None


class StatusReport(Struct, frozen=True):
    """Health of all processes, as `feedd status --json` prints it.

    `reason` is None where `health` is healthy. `market` is a notice of prices that are not an
    exchange's, `network` the proxies and certificates in force.
    """

    health: HealthName
    deployment: str | None
    reason: str | None
    market: str | None
    summary: Totals
    notices: list[str]
    network: list[str]
    processes: list[ProcessReport]


class LastBook(model.Book, kw_only=True, frozen=True):  # type: ignore[misc]
    """The last book of a feed, as on the wire, and its age since it was published."""

    age_ms: int


class Gaps(Struct, frozen=True):
    """Gaps, newest first; `next_before` is None where there is none before the last one.

    Gaps before `since_ms` are not known: the gateway started then, or has dropped older ones.
    """

    gaps: list[Entry]
    next_before: int | None
    since_ms: int


class Timeline(Struct, frozen=True):
    """Entries of all kinds, newest first; `next_before` is None where none is older."""

    entries: list[Entry]
    next_before: int | None
    since_ms: int


class TickPage(Struct, frozen=True):
    """Messages of one topic and session, as on the wire, ascending by `seq`.

    The history has `low` to `high`; a `seq` between them that is missing is lost there. `next_from`
    is the `from` of the next page; None at the end.
    """

    topic: str
    session: int | str
    low: int | None
    high: int | None
    ticks: list[dict[str, Any]]
    next_from: int | None


class CandleList(Struct, frozen=True):
    """Candles, oldest first: open time in ms, open, high, low, close, volume (or null)."""

    made_from: Literal["candle", "trade", "quote", "ticker"]
    timeframe: str
    candles: list[tuple[int, float, float, float, float, float | None]]


class Trend(Struct, frozen=True, omit_defaults=True):
    """Series of one feed, oldest first, the last value at `end_ms`; null where unknown."""

    end_ms: int
    last: list[float | None] | None = None
    p50_us: list[float | None] | None = None
    p99_us: list[float | None] | None = None
    messages_per_s: list[float | None] | None = None


class TrendList(Struct, frozen=True):
    """Series of each feed, one value every `step_s`."""

    step_s: int
    feeds: dict[str, Trend]

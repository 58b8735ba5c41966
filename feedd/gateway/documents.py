"""Types of the API's responses, from which the OpenAPI description is derived."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from feedd.gateway.journal import Entry  # noqa: TC001  msgspec reads the annotations

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


class ProxyThroughput(Struct, frozen=True):
    """Messages that a proxy forwards."""

    name: str
    messages_per_s: float
    bytes_per_s: float
    subscribers: int
    at_ms: int


class RequestBudget(Struct, frozen=True):
    """Requests to an exchange that all workers share."""

    exchange: str
    kind: str
    unit: str
    used: float
    limit: float
    period_s: float
    paused_s: float


class RecorderProgress(Struct, frozen=True):
    """The recorder's own report, and its disk."""

    dir: str
    messages_per_s: float
    bytes: int
    lost: int
    failing: str | None
    lag_s: float | None
    disk_free_bytes: int | None
    disk_total_bytes: int | None


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
    proxies: list[ProxyThroughput]
    budgets: list[RequestBudget]
    recorder: RecorderProgress | None


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

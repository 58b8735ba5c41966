"""Health of all processes: its types, and what follows from them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from feedd.supervision.render import PROXIES
from feedd.supervision.watchdog import AWAY, UNWELL, receives

if TYPE_CHECKING:
    from collections.abc import Iterable

FRESH_S = 3.0  # an older status is not counted
REPLAY, ENDED = "replay", "ended"  # states of a feed that plays a recording, and of one that has
SILENT = "silent"  # it runs, and publishes nothing
BLOCKED = "blocked"  # another process holds its address
UNKNOWN = "UNKNOWN"  # supervisord does not answer
DELIVERING = frozenset({"live", REPLAY, ENDED})
NAMED = 5  # processes of one reason that a line names


class Health(IntEnum):
    """The answer for a monitor; `feedd status` exits with it."""

    HEALTHY = 0
    DEGRADED = 1
    DOWN = 2


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU of a process in percent of one core since the last report, and its memory in MB.

    `cpu_seconds` is the CPU time since its start.
    """

    cpu_percent: float | None = None
    memory_mb: float | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """One process; `state` is the feed's own if it publishes one, else supervisord's view.

    `channels` is the last status of each of a feed's channels, at most FRESH_S old. `restarts`
    are the unrequested ones since supervisord started; None where they are unknown.
    """

    name: str
    process: str  # supervisord's: RUNNING, STOPPED, …; MISSING; UNKNOWN where it hangs
    pid: int | None
    uptime_s: int
    port: int | None = None
    exchange: str | None = None
    state: str | None = None
    reason: str | None = None
    usage: Usage = Usage()
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: dict[str, Any] | None = None
    ended: bool = False  # for good: supervisord does not restart it
    restarts: int | None = None
    restarts_last_hour: int | None = None
    messages_per_s: float | None = None  # of a replay, whose statuses have the recording's rates

    @property
    def is_feed(self) -> bool:
        """Whether it is a symbol's worker."""
        return self.exchange is not None

    @property
    def condition(self) -> str:
        """Return its own state, or supervisord's where it has none or is down."""
        return self.process if self.state in {None, "down"} else str(self.state)

    @property
    def delivers(self) -> bool:
        """Whether a feed publishes data, on one channel at least."""
        return self.state in DELIVERING or (self.state in UNWELL and receives(self.channels))

    @property
    def traded(self) -> bool:
        """Whether the exchange trades a feed's symbol, as far as is known."""
        return self.status is None or self.status.get("listing") is None

    @property
    def healthy(self) -> bool:
        """Whether it runs and, if it is a feed, delivers; a replay may have ended."""
        if self.state == ENDED:
            return True
        return self.process == "RUNNING" and self.state in {None, "live", REPLAY}


@dataclass(frozen=True, slots=True)
class Report:
    """All processes of a configuration.

    `hung` is the error of a supervisord that does not answer, `why_empty` why `processes` is empty.
    `deployment` is the id of the run directory, `remarks` are faults of no single process.
    `market` is the notice of prices that are not an exchange's, `network` the proxies and
    certificates that are in force.
    """

    processes: tuple[ProcessHealth, ...]
    hung: str | None = None
    why_empty: str = "supervisord is not running here; `feedd start` starts it"
    deployment: str | None = None
    remarks: tuple[str, ...] = ()
    market: str | None = None
    network: tuple[str, ...] = ()

    @property
    def feeds(self) -> tuple[ProcessHealth, ...]:
        """Return the symbols' workers."""
        return tuple(process for process in self.processes if process.is_feed)

    @property
    def health(self) -> Health:
        """Down without a proxy, or where no feed delivers; degraded where any process is unwell."""
        if not self.processes or not any(p.delivers for p in self.feeds):
            return Health.DOWN
        proxies = [p for p in self.processes if p.name in PROXIES]
        if proxies and not any(p.healthy or p.process == UNKNOWN for p in proxies):
            return Health.DOWN
        if all(p.healthy for p in self.processes):
            return Health.HEALTHY
        return Health.DEGRADED

    @property
    def reason(self) -> str | None:
        """Return why it is not healthy, in one line; None where it is."""
        if self.health == Health.HEALTHY:
            return None
        if not self.processes:
            return self.why_empty
        unwell = [p for p in self.processes if not p.healthy]
        if self.health == Health.DOWN and any(p.delivers for p in self.feeds):
            proxies = [p for p in unwell if p.name in PROXIES]
            return f"subscribers receive nothing: {grouped_reasons(proxies)}"
        return grouped_reasons(unwell) or "no feed runs"

    @property
    def summary(self) -> dict[str, Any]:
        """Return totals; `gaps` counts those of the running sessions."""
        live = [feed for feed in self.feeds if feed.healthy and feed.state != ENDED]
        rates = [c["messages_per_s"] for feed in self.feeds for c in feed.channels.values()]
        rates += [feed.messages_per_s or 0.0 for feed in self.feeds]
        statuses = [feed.status for feed in self.feeds if feed.status is not None]
        return {
            "feeds": len(self.feeds),
            "live": len(live),
            "ended": sum(feed.state == ENDED for feed in self.feeds),
            "processes": len(self.processes),
            "running": sum(p.process == "RUNNING" for p in self.processes),
            "messages_per_s": round(sum(rates), 1),
            "gaps": sum(status["gaps"] for status in statuses),
            "memory_mb": round(sum(p.usage.memory_mb or 0.0 for p in self.processes), 1),
            "cpu_percent": round(sum(p.usage.cpu_percent or 0.0 for p in self.processes), 1),
        }

    @property
    def notices(self) -> list[str]:
        """Return the faults of more than one process.

        These are a supervisord that hangs, and an exchange from which most feeds receive nothing.
        """
        feeds = Counter(feed.exchange for feed in self.feeds if feed.traded)
        away = Counter(
            feed.exchange
            for feed in self.feeds
            if feed.state in AWAY
            and not feed.delivers
            and feed.traded
            and not any(c["waits"] for c in feed.channels.values())
        )
        hung = [] if self.hung is None else [self.hung]
        return [*hung, *self.remarks] + [
            f"{exchange}: {away[exchange]} of {count} feeds receive nothing; "
            "the exchange or the network is down"
            for exchange, count in feeds.items()
            if count > 1 and away[exchange] * 2 > count
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {**self.head(), "processes": [asdict(process) for process in self.processes]}

    def head(self) -> dict[str, Any]:
        """Return the report for JSON without the processes, which take most of the time."""
        return {
            "health": self.health.name.lower(),
            "deployment": self.deployment,
            "reason": self.reason,
            "market": self.market,
            "summary": self.summary,
            "notices": self.notices,
            "network": list(self.network),
        }


def grouped_reasons(processes: Iterable[ProcessHealth]) -> str:
    """Name the processes that are not well, with state and reason, those of one reason together."""
    names: dict[str, list[str]] = {}
    for process in processes:
        if not process.healthy:
            why = f": {process.reason}" if process.reason else ""
            names.setdefault(f"{process.condition}{why}", []).append(process.name)
    return "; ".join(f"{_some(those)}: {state}" for state, those in names.items())


def _some(names: list[str]) -> str:
    """Return names for one line: the first few, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more

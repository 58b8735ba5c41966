"""Findings of an audit: counts by topic, and the first breaches. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

FIRST = 5  # breaches kept per topic


class Limits(NamedTuple):
    """Limits in s within which a state must change; `docs/audit.md` describes each."""

    closed_s: float = 2.5
    silences: float = 2.0  # times the channel's own `stale_after_s`
    live_s: float = 60.0
    stale_s: float = 3.5
    repair_s: float = 7.0  # from a heartbeat to the Gap or the tick that it shows to be missing
    trailing_s: float = 10.0
    join_s: float = 5.0  # from the first `live` of a session to its subscriptions in force


class Breach(NamedTuple):
    """One breach of a guarantee; `ns` is its time in the recording."""

    topic: str
    ns: int
    what: str


@dataclass(slots=True)
class Counts:
    """Counts of one topic. `truth` counts the events that had to be seen or flagged."""

    truth: int = 0
    seen: int = 0
    flagged: int = 0
    missing: int = 0
    twice: int = 0
    out_of_order: int = 0
    unknown: int = 0
    wrong: int = 0
    late: int = 0
    never: int = 0

    @property
    def breaches(self) -> int:
        """Number of breaches."""
        return (
            self.missing + self.twice + self.out_of_order + self.unknown + self.wrong
            + self.late + self.never
        )  # fmt: skip


@dataclass(slots=True)
class Finding:
    """One topic's counts, and its first breaches."""

    topic: str
    counts: Counts = field(default_factory=Counts)
    first: list[Breach] = field(default_factory=list)

    def breach(self, ns: int, what: str) -> None:
        """Keep a breach if fewer than FIRST are kept."""
        if len(self.first) < FIRST:
            self.first.append(Breach(self.topic, ns, what))

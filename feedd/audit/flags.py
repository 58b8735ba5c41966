"""What a feed has flagged as missing: gaps upstream, books in resync, lost statuses' gaps. Pure.

Times are those of publishing (`published_ns`), by which a status lies between two events whatever
the order in which they came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from feedd.audit.lines import StatusSaid

if TYPE_CHECKING:
    from feedd.audit.truth import Store
    from feedd.model import EventId


class UnseenEvents(NamedTuple):
    """Places of the truth that were not seen between two events: `first` to `last`, both missing.

    `hidden` is how many messages the subscriber knows to have lost in between. `session` is set
    where it began in between.
    """

    first: int
    last: int
    hidden: int
    after_ns: int
    before_ns: int
    session: int | None = None


class UpstreamFlag(NamedTuple):
    """A gap that a status told of."""

    ns: int
    from_id: EventId
    to_id: EventId


@dataclass(slots=True)
class LostStatuses:
    """Statuses that are lost, and how many gaps of each channel only they can have told."""

    after_ns: int
    before_ns: int
    gaps: dict[str, int]


class Liveness(NamedTuple):
    """From when on a channel was live, or was not, in one session; a lost status begins it anew."""

    session: int
    ns: int
    is_live: bool


@dataclass(slots=True)
class Flags:
    """One feed's; tell it each status, in the order of their seqs."""

    gaps: dict[str, list[UpstreamFlag]] = field(default_factory=dict)  # by channel
    resync_ns: list[int] = field(default_factory=list)  # of its book
    lost_statuses: list[LostStatuses] = field(default_factory=list)
    live: dict[str, list[Liveness]] = field(default_factory=dict)  # by channel, by time
    _last: StatusSaid | None = None

    def status(self, status: StatusSaid) -> None:
        """Take a status: by its counters, what the lost ones before it told; and what is live."""
        last, self._last = self._last, status
        is_next = last is not None and (status.session, status.seq) == (last.session, last.seq + 1)
        if last is not None and not is_next:
            if (status.session, status.seq) <= (last.session, last.seq):
                self._last = last
                return
            if status.session != last.session:
                last = StatusSaid(status.session, 0, last.published_ns, "starting", {}, {})
            if status.seq > last.seq + 1:
                gaps = _gaps_between(last, status)
                self.lost_statuses.append(
                    LostStatuses(last.published_ns, status.published_ns, gaps)
                )
        if status.origin == "snapshot":
            return  # from before anybody listened
        for channel, its in status.channels.items():
            said = self.live.setdefault(channel, [])
            is_live = its.state == "live"
            goes_on = is_next and said and said[-1].session == status.session
            if not goes_on or is_live != said[-1].is_live:
                said.append(Liveness(status.session, status.published_ns, is_live))

    def live_since(self, channel: str, session: int, by_ns: int) -> int | None:
        """Return since when a channel was live at a time of a session; None where it wasn't."""
        since_ns = None
        for said in self.live.get(channel, ()):
            if said.session == session and said.ns <= by_ns:
                since_ns = said.ns if said.is_live else None
        return since_ns

    def excuse(self, hole: UnseenEvents, channel: str) -> bool:
        """Whether a gap that a lost status told may be this hole; each is one hole's only."""
        for lost in self.lost_statuses:
            overlaps = lost.after_ns < hole.before_ns and lost.before_ns > hole.after_ns
            if overlaps and lost.gaps.get(channel, 0) > 0:
                lost.gaps[channel] -= 1
                return True
        return False

    def uncovered(self, hole: UnseenEvents, channel: str, store: Store) -> int:
        """Return how many events of a hole nothing flags, the subscriber's own losses aside."""
        if channel == "book" and any(
            hole.after_ns <= ns <= hole.before_ns for ns in self.resync_ns
        ):
            return 0
        spans = []
        for flag in self.gaps.get(channel, ()):
            first, end = store.between(flag.from_id, flag.to_id, hole.first, flag.ns)
            if first is None or end is None:
                if not hole.after_ns <= flag.ns <= hole.before_ns:
                    continue
                first = hole.first if first is None else first
                end = hole.last + 1 if end is None else end
            first, end = max(first, hole.first), min(end, hole.last + 1)
            if first < end:
                spans.append((first, end))
        missing, at = 0, hole.first
        for first, end in sorted(spans):
            missing += _demanded(store, at, first)
            at = max(at, end)
        return missing + _demanded(store, at, hole.last + 1)


def _gaps_between(last: StatusSaid, status: StatusSaid) -> dict[str, int]:
    """Return how many gaps of each channel the statuses between two told."""
    told = {}
    for channel, its in status.channels.items():
        before = last.channels[channel].gaps if channel in last.channels else 0
        itself = status.gap is not None and status.gap.channel == channel
        told[channel] = its.gaps - before - itself
    return told


def _demanded(store: Store, first: int, end: int) -> int:
    """Return how many places from `first` up to `end` hold an event that had to be seen."""
    if end <= first:
        return 0
    return end - first - sum(first <= place < end for place in store.optional)

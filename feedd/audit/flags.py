"""Events that a feed flagged as missing: upstream gaps, resyncs, gaps of lost statuses. Pure.

Times are `published_ns`, which place a status between two events whatever their order of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from feedd.audit.lines import StatusFields

if TYPE_CHECKING:
    from feedd.audit.truth import Store
    from feedd.model import EventId


class UnseenEvents(NamedTuple):
    """Events of the truth not seen between two others: places `first` to `last`, both missing.

    `hidden` counts the messages that the subscriber knows it lost in between. `session` is the
    session that began in between, if any.
    """

    first: int
    last: int
    hidden: int
    after_ns: int
    before_ns: int
    session: int | None = None


class UpstreamFlag(NamedTuple):
    """A gap that a status reported."""

    ns: int
    from_id: EventId
    to_id: EventId


@dataclass(slots=True)
class LostStatuses:
    """Lost statuses, and how many gaps of each channel only they can have reported."""

    after_ns: int
    before_ns: int
    gaps: dict[str, int]


class Liveness(NamedTuple):
    """Start of a period in which a channel was live or not; a lost status starts a new one."""

    session: int
    ns: int
    is_live: bool


@dataclass(slots=True)
class Flags:
    """Flags of one feed; takes each status in the order of seqs."""

    gaps: dict[str, list[UpstreamFlag]] = field(default_factory=dict)  # by channel
    resync_ns: list[int] = field(default_factory=list)  # of its book
    lost_statuses: list[LostStatuses] = field(default_factory=list)
    live: dict[str, list[Liveness]] = field(default_factory=dict)  # by channel, by time
    _last: StatusFields | None = None

    def status(self, status: StatusFields) -> None:
        """Take a status: its counters show what lost ones reported, its states what is live."""
        last, self._last = self._last, status
        is_next = last is not None and (status.session, status.seq) == (last.session, last.seq + 1)
        if last is not None and not is_next:
            if (status.session, status.seq) <= (last.session, last.seq):
                self._last = last
                return
            if status.session != last.session:
                last = StatusFields(status.session, 0, last.published_ns, "starting", {}, {})
            if status.seq > last.seq + 1:
                gaps = _gaps_between(last, status)
                self.lost_statuses.append(
                    LostStatuses(last.published_ns, status.published_ns, gaps)
                )
        if status.origin == "snapshot":
            return  # published before the subscription
        for channel, its in status.channels.items():
            periods = self.live.setdefault(channel, [])
            is_live = its.state == "live"
            continues = is_next and periods and periods[-1].session == status.session
            if not continues or is_live != periods[-1].is_live:
                periods.append(Liveness(status.session, status.published_ns, is_live))

    def live_since(self, channel: str, session: int, by_ns: int) -> int | None:
        """Return since when a channel is live at a time of a session; None if it is not."""
        since_ns = None
        for one in self.live.get(channel, ()):
            if one.session == session and one.ns <= by_ns:
                since_ns = one.ns if one.is_live else None
        return since_ns

    def excuse(self, hole: UnseenEvents, channel: str) -> bool:
        """Whether a lost status may have reported this hole; each of its gaps explains one hole."""
        for lost in self.lost_statuses:
            overlaps = lost.after_ns < hole.before_ns and lost.before_ns > hole.after_ns
            if overlaps and lost.gaps.get(channel, 0) > 0:
                lost.gaps[channel] -= 1
                return True
        return False

    def uncovered(self, hole: UnseenEvents, channel: str, store: Store) -> int:
        """Return how many events of a hole no feed flagged, before the subscriber's own losses."""
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


def _gaps_between(last: StatusFields, status: StatusFields) -> dict[str, int]:
    """Return how many gaps of each channel the statuses between two reported."""
    gaps = {}
    for channel, its in status.channels.items():
        before = last.channels[channel].gaps if channel in last.channels else 0
        own = status.gap is not None and status.gap.channel == channel
        gaps[channel] = its.gaps - before - own
    return gaps


def _demanded(store: Store, first: int, end: int) -> int:
    """Return how many places from `first` up to `end` hold an event that had to be seen."""
    if end <= first:
        return 0
    return end - first - sum(first <= place < end for place in store.optional)

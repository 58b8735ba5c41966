"""What a feed has flagged as missing: gaps upstream, books in resync, statuses that are lost. Pure.

Times are those of publishing (`published_ns`), by which a status lies between two events whatever
the order in which they came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from feedd.audit.truth import Store
    from feedd.model import EventId


class Hole(NamedTuple):
    """Places of the truth that were not seen between two events: `first` to `last`, both missing.

    `hidden` is how many messages the subscriber knows to have lost in between.
    """

    first: int
    last: int
    hidden: int
    after_ns: int
    before_ns: int


class UpstreamFlag(NamedTuple):
    """A gap that a status told of."""

    ns: int
    from_id: EventId
    to_id: EventId


@dataclass(slots=True)
class Flags:
    """One feed's."""

    gaps: dict[str, list[UpstreamFlag]] = field(default_factory=dict)  # by channel
    resync_ns: list[int] = field(default_factory=list)  # of its book
    lost_statuses: list[tuple[int, int]] = field(default_factory=list)  # between these times

    def uncovered(self, hole: Hole, channel: str, store: Store) -> int:
        """Return how many events of a hole nothing flags, the subscriber's own losses aside."""
        if channel == "book" and any(
            hole.after_ns <= ns <= hole.before_ns for ns in self.resync_ns
        ):
            return 0
        if any(a < hole.before_ns and b > hole.after_ns for a, b in self.lost_statuses):
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


def _demanded(store: Store, first: int, end: int) -> int:
    """Return how many places from `first` up to `end` hold an event that had to be seen."""
    if end <= first:
        return 0
    return end - first - sum(first <= place < end for place in store.optional)

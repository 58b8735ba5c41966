"""Missing ranges of one topic in one session.

Pure: no clock and no socket. `MissingRanges` is the only class that changes a `MissingRange`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_REPAIRED = 2000  # messages; requesting a larger range would only put the client further behind


@dataclass(slots=True)
class MissingRange:
    """Missing messages, `first` to `last` inclusive. Read-only outside of this module.

    `seen_s` is when the range was detected, `request_from_s` the earliest time of a request, and
    `requested_s` the time of the first one. `refused_by` has a bit for each history that does not
    have the range. `given_up` is the reason why it will not be repaired.
    """

    first: int
    last: int
    seen_s: float
    request_from_s: float
    requested_s: float | None = None
    refused_by: int = 0
    given_up: str | None = None
    as_snapshot: bool = False  # its message replaces the snapshot: nothing before it is requested

    def part(self, first: int, last: int) -> MissingRange:
        """Return a part of the range with the same state."""
        return MissingRange(
            first, last, self.seen_s, self.request_from_s, self.requested_s, self.refused_by,
            self.given_up, self.as_snapshot,
        )  # fmt: skip


class RangeToRequest(NamedTuple):
    """`first` to `last` inclusive; `refused_by` as in a `MissingRange`."""

    first: int
    last: int
    refused_by: int


class MissingRanges:
    """The missing ranges of a topic, ascending and disjoint. `ranges` is read-only elsewhere."""

    __slots__ = ("ranges",)

    def __init__(self) -> None:
        self.ranges: list[MissingRange] = []

    def overlapping(self, first: int, last: int) -> Iterator[MissingRange]:
        """Yield the ranges that overlap `first` to `last`."""
        return (one for one in self.ranges if one.first <= last and one.last >= first)

    def add(self, first: int, last: int, now_s: float, delay_s: float) -> None:
        """Add a range that a later message has shown; requests wait for `delay_s`."""
        missing = MissingRange(first, last, now_s, now_s + delay_s)
        if last - first >= MAX_REPAIRED:
            missing.given_up = _TOO_LARGE
        self.ranges.append(missing)

    def add_tail(
        self, first: int, last: int, now_s: float, delay_s: float, *, as_snapshot: bool
    ) -> None:
        """Add a range behind which no message came yet; its last message is always requested.

        `as_snapshot`: the last message replaces the snapshot.
        """
        missing = MissingRange(first, last, now_s, now_s + delay_s, as_snapshot=as_snapshot)
        if last - first >= MAX_REPAIRED:
            lost = missing.part(first, last - 1)
            lost.given_up, lost.as_snapshot = _TOO_LARGE, False
            self.ranges.append(lost)
            missing.first, missing.as_snapshot = last, True
        self.ranges.append(missing)

    def fill(self, seq: int) -> bool:
        """Remove one message from its range; return whether it was missing."""
        for at, missing in enumerate(self.ranges):
            if missing.first <= seq <= missing.last:
                first, last = missing.first, missing.last
                if first == last:
                    del self.ranges[at]
                elif seq == first:
                    missing.first += 1
                elif seq == last:
                    missing.last -= 1
                else:
                    missing.last = seq - 1
                    self.ranges.insert(at + 1, missing.part(seq + 1, last))
                return True
        return False

    def give_up_first(self, reason: str) -> None:
        """Give up the first range."""
        if self.ranges and self.ranges[0].given_up is None:
            self.ranges[0].given_up = reason

    def give_up_all(self, reason: str) -> None:
        """Give up all ranges."""
        for missing in self.ranges:
            missing.given_up = missing.given_up or reason

    def give_up_overlapping(self, first: int, last: int, reason: str) -> None:
        """Give up the ranges that overlap `first` to `last`, for this reason."""
        for missing in self.overlapping(first, last):
            missing.given_up = reason

    def give_up_where(self, reason_of: Callable[[MissingRange], str | None]) -> None:
        """Give up the ranges for which `reason_of` returns a reason."""
        for missing in self.ranges:
            if missing.given_up is None:
                missing.given_up = reason_of(missing)

    def refuse(self, first: int, last: int, history: int, all_histories: int, reason: str) -> None:
        """Note that a history has nothing of `first` to `last`; give up what all have refused."""
        self._split(first)
        self._split(last + 1)
        for missing in self.ranges:
            if first <= missing.first and missing.last <= last:
                missing.refused_by |= 1 << history
                if missing.refused_by & all_histories == all_histories:
                    missing.given_up = missing.given_up or reason

    def _split(self, seq: int) -> None:
        """Split the range that contains seq, so that its second part begins with seq."""
        for at, missing in enumerate(self.ranges):
            if missing.first < seq <= missing.last:
                self.ranges[at : at + 1] = [
                    missing.part(missing.first, seq - 1),
                    missing.part(seq, missing.last),
                ]
                return

    def postpone(self, missing: MissingRange, until_s: float) -> None:
        """Request a range again, but not before `until_s`."""
        missing.request_from_s = until_s

    def next_request(self, now_s: float) -> RangeToRequest | None:
        """Return the next range to request, at most `MAX_REPAIRED` messages; None if there is none.

        It may span several missing ranges, which count as requested.
        """
        span: RangeToRequest | None = None
        for missing in self.ranges:
            if missing.given_up is not None or missing.request_from_s > now_s:
                if span is not None:
                    break
                continue
            if span is None:
                span = RangeToRequest(missing.first, missing.last, missing.refused_by)
            elif missing.refused_by != span.refused_by or missing.last - span.first >= MAX_REPAIRED:
                break
            else:
                span = span._replace(last=missing.last)
            if missing.requested_s is None:
                missing.requested_s = now_s
        return span

    def take_given_up(self) -> MissingRange | None:
        """Remove and return the first range if it is given up, joined with adjacent ones."""
        if self.ranges[0].given_up is None:
            return None
        found = self.ranges.pop(0)
        while self.ranges and self.ranges[0].first == found.last + 1 and self.ranges[0].given_up:
            found.last = self.ranges.pop(0).last
        return found


_TOO_LARGE = f"more than {MAX_REPAIRED:,} messages at once"

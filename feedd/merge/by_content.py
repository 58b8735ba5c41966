"""Merge one channel's events of several connections where they have no id: by their content.

Pure: no socket, no loop and no clock of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

MAX_HELD = 10_000  # events of a line that waits for the others
MAX_OWED = 10_000  # events that a line has not delivered
WAIT_S = 1.0  # for another line to deliver what this one lacks
OWED_S = 60.0  # no working line lags so much
SAME_WITHIN_MS = 500  # less than most channels' period


Times = tuple[int, ...]  # ms, by the venue; the first one is the event's
_PlaceIn = Callable[[list[Times], Times], int | None]


class _Held(NamedTuple):
    content: Any
    times: Times
    event: Any


class _Owed:
    """Events that other lines delivered and this one has not: their times, by content."""

    def __init__(self) -> None:
        self.size = 0
        self._times: dict[Any, list[Times]] = {}

    def add(self, content: Any, times: Times) -> None:
        """Add an event; beyond MAX_OWED the oldest content is forgotten."""
        self._times.setdefault(content, []).append(times)
        self.size += 1
        if self.size > MAX_OWED:
            self.size -= len(self._times.pop(next(iter(self._times))))

    def remove(self, content: Any, times: Times, place_in: _PlaceIn) -> bool:
        """Remove an event, and return whether it was here."""
        among = self._times.get(content)
        place = None if among is None else place_in(among, times)
        if among is None or place is None:
            return False
        del among[place]
        self.size -= 1
        if not among:
            del self._times[content]
        return True


class _LineState:
    """State of one line. `joined`: it lacks no event after the last one emitted."""

    def __init__(self, begun: int, *, joined: bool) -> None:
        self.begun = begun  # the number of events emitted when it was opened
        self.joined = joined
        self.passed = False  # whether others continue without it
        self.delivered = 0
        self.held: deque[_Held] = deque()
        self.held_s: float | None = None  # since when, as seen by `overdue`
        self.others = 0  # what complete lines had delivered then
        self.owed, self.long_owed = _Owed(), _Owed()

    def delivers(self, content: Any, times: Times) -> bool:
        """Take an event that the line owes; return whether it did."""
        long_owed, owed = self.long_owed, self.owed
        if not long_owed.size and not owed.size:
            return False
        return (
            long_owed.remove(content, times, _equal_place)
            or owed.remove(content, times, _equal_place)
            or long_owed.remove(content, times, _near_place)
            or owed.remove(content, times, _near_place)
        )

    def place(self, content: Any, times: Times) -> int | None:
        """Return where an event is that is held back, or None."""
        places = [number for number, one in enumerate(self.held) if one.content == content]
        among = [self.held[number].times for number in places]
        place = _equal_place(among, times)
        if place is None:
            place = _near_place(among, times)
        return None if place is None else places[place]


def _equal_place(among: list[Times], times: Times) -> int | None:
    return among.index(times) if times in among else None


def _near_place(among: list[Times], times: Times) -> int | None:
    """Return where the first times are that differ by SAME_WITHIN_MS at most."""
    for place, one in enumerate(among):
        if abs(one[0] - times[0]) <= SAME_WITHIN_MS:
            return place
    return None


class ContentMerge:
    """Emits each event from the line that delivers it first; see `feedd.merge.by_id`.

    A line is a connection. Two lines deliver the same event with the same content and the same
    times; or, where an exchange stamps each connection's copy, with times that differ by
    SAME_WITHIN_MS at most. A line that delivers a content twice has two events, of which another
    line owes both. So no event is dropped but one that another line delivered; the order of times
    plays no part: a candle may close after the next one has begun, and two events may have one
    time.

    A line that was opened beside others may be ahead of them. Its events are held back until it
    delivers, or has delivered, one of theirs: where a subscription begins with the newest events,
    the last one emitted before it was opened. If the others deliver nothing for WAIT_S meanwhile,
    they are emitted after a gap; else the others are complete without them. `missing` is called
    just before the next event where events may be missing, with the reason.
    """

    def __init__(
        self, emit: Callable[[Any], None], missing: Callable[[Any, Any, str], None]
    ) -> None:
        self._emit = emit
        self._missing = missing
        self._lines: dict[Any, _LineState] = {}
        self._hole: str | None = None  # why events may be missing before the next one
        self._emitted = 0  # events since there are lines
        self._newest_ms = 0  # the latest time of an event emitted
        self._last: tuple[Any, Times] | None = None  # content and times of the last one emitted
        self._turned_s: float | None = None  # when `owed` was turned over
        # The line, if there is only one that owes and holds nothing: it needs no merging.
        self._only: Any = None

    @property
    def has_emitted(self) -> bool:
        """Whether an event was emitted since there are lines."""
        return self._emitted > 0

    def opened(self, line: Any) -> None:
        """Add a line that has just subscribed."""
        if line not in self._lines:
            # The first line is complete from its first event, unless another one starts earlier.
            self._lines[line] = _LineState(self._emitted, joined=not self._lines)
            self._settle()

    def take(self, line: Any, content: Any, times: Times, event: Any) -> None:
        """Take an event of a line; one that another line delivered changes nothing."""
        if line is self._only:
            self._emitted += 1
            self._newest_ms = max(self._newest_ms, times[0])
            self._last = content, times
            self._emit(event)
            return
        self._take(line, content, times, event)
        self._settle()

    def goes_on_beside(self, line: Any) -> bool:
        """Return whether another line delivers events too."""
        return self._emitted > 0 and len(self._lines) > 1 and line in self._lines

    def _take(self, line: Any, content: Any, times: Times, event: Any) -> None:
        own = self._lines.get(line)
        if own is None:
            return
        own.delivered += 1
        if own.delivers(content, times):
            self._join(own)
            return
        if not own.joined and self._repeats_last(content, times):
            own.held.clear()  # those before the last one were emitted too
            self._join(own)
            return
        own.held.append(_Held(content, times, event))
        if not self._emitted or own.joined or (self._hole is not None and not own.passed):
            self._release(own)
        elif len(own.held) > MAX_HELD:
            if own.passed:
                own.held.popleft()
            else:
                self._skip(own, "too many events were held back for another connection")

    def renewed(self, line: Any) -> None:
        """Note that a line was subscribed to again: its events have no order to restart."""

    def closed(self, line: Any, reason: str) -> bool:
        """Remove a line; return whether others remain."""
        gone = self._lines.pop(line, None)
        self._only = None  # until the next event of the remaining one
        if not self._lines:
            self._hole, self._last = None, None
            self._emitted = 0  # the caller reports what is missing
            self._newest_ms = 0
            return False
        if gone is not None and gone.joined and not any(o.joined for o in self._lines.values()):
            if self._emitted:
                self._hole = self._hole or reason
            for own in list(self._lines.values()):
                if own.passed:  # no other line continues, and the older ones were emitted
                    own.passed = False
                    newer = [one for one in own.held if one.times[0] > self._newest_ms]
                    own.held = deque(newer)
                if own.held:
                    self._release(own)
        return True

    def goes_on_with(self, line: Any) -> bool:
        """Return whether no event would be missing if this line were the only one."""
        own = self._lines.get(line)
        return own is not None and (own.joined or self._emitted == own.begun) and not own.held

    def replaces(self, line: Any) -> None:
        """Mark a line as complete, after `goes_on_with` returned True: another is closed next."""
        own = self._lines.get(line)
        if own is not None:
            own.joined = True

    def overdue(self, now_s: float) -> None:
        """Stop waiting for other lines after WAIT_S. Call it several times per second."""
        turn = self._turned_s is None or now_s - self._turned_s >= OWED_S
        if turn:
            self._turned_s = now_s
        for own in list(self._lines.values()):
            if turn:
                own.long_owed, own.owed = own.owed, _Owed()
            if not own.held or own.passed:
                own.held_s = None
                continue
            others = sum(one.delivered for one in self._lines.values() if one.joined)
            if own.held_s is None:
                own.held_s, own.others = now_s, others
            elif now_s - own.held_s >= WAIT_S:
                if others != own.others:
                    own.passed = True
                else:
                    self._skip(own, "one connection went ahead and another did not follow")

    def _join(self, own: _LineState) -> None:
        """Note that a line delivered an event of another: it lacks nothing after that."""
        self._hole = None
        if own.passed:
            own.held.clear()  # older than what it delivered: in the gap that was reported
        own.joined, own.passed = True, False
        if own.held:
            self._release(own)

    def _repeats_last(self, content: Any, times: Times) -> bool:
        """Return whether an event is the last one emitted: a subscription may begin with it."""
        if self._last is None or content != self._last[0]:
            return False
        return abs(times[0] - self._last[1][0]) <= SAME_WITHIN_MS

    def _release(self, own: _LineState) -> None:
        """Emit a line's events, and those of lines that thereby turn out to be complete."""
        if not self._emitted:
            # This line may lack the others' next events, and they its earlier ones.
            for other in self._lines.values():
                other.joined = False
        own.joined = True
        waiting = [own]
        while waiting:
            own = waiting.pop()
            while own.held:
                one = own.held.popleft()
                if own.delivers(one.content, one.times):
                    continue
                waiting += self._owed_by_others(own, one)
                self._report_hole()
                self._emitted += 1
                self._newest_ms = max(self._newest_ms, one.times[0])
                self._last = one.content, one.times
                self._emit(one.event)
            own.held_s = None

    def _owed_by_others(self, own: _LineState, one: _Held) -> list[_LineState]:
        """Note an event as delivered; return the lines that had delivered it, now complete."""
        complete = []
        for other in self._lines.values():
            if other is own:
                continue
            place = other.place(one.content, one.times)
            if place is None:
                other.owed.add(one.content, one.times)
                continue
            if other.passed:  # those before it are in a gap that was reported, or emitted
                for _ in range(place):
                    other.held.popleft()
                place = 0
            del other.held[place]
            other.joined, other.passed = True, False
            if other.held:
                complete.append(other)
        return complete

    def _report_hole(self) -> None:
        if self._hole is not None:
            why, self._hole = self._hole, None
            self._missing(None, None, why)

    def _skip(self, own: _LineState, why: str) -> None:
        """Emit a line's events although others may precede them, which are then not emitted."""
        self._hole = self._hole or why
        for other in self._lines.values():
            if other is not own and other.joined:
                other.joined, other.passed = False, True
        self._release(own)

    def _settle(self) -> None:
        """Find out whether the next events need any merging."""
        self._only = None
        if len(self._lines) == 1 and self._hole is None and self._emitted:
            ((line, own),) = self._lines.items()
            if own.joined and not (own.held or own.owed.size or own.long_owed.size):
                self._only = line

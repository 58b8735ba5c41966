"""Merge one channel's events of several connections where they have no id: by their content.

Pure: no socket, no loop and no clock of its own.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_HELD = 10_000  # events of a line that waits for the others
MAX_OWED = 10_000  # events that a line has not delivered
WAIT_S = 1.0  # for another line to deliver what this one lacks
OWED_S = 60.0  # no working line lags so much


class _LineState:
    """State of one line. `joined`: it lacks no event after the last one emitted."""

    def __init__(self, begun: int, *, joined: bool) -> None:
        self.begun = begun  # the number of events emitted when it was opened
        self.joined = joined
        self.passed = False  # whether its next events precede a gap that was reported
        self.held: deque[tuple[Any, Any]] = deque()  # content, event
        self.held_s: float | None = None  # since when, as seen by `overdue`
        # Contents that other lines delivered, with their number: those emitted since the `overdue`
        # before the last, and since the last. A content may be in both.
        self.owed: tuple[dict[Any, int], dict[Any, int]] = ({}, {})

    def delivers(self, content: Any) -> bool:
        """Take a content that the line owes; return whether it did."""
        for owed in self.owed:
            count = owed.get(content)
            if count is not None:
                if count == 1:
                    del owed[content]
                else:
                    owed[content] = count - 1
                return True
        return False

    def owe(self, content: Any) -> None:
        """Note an event that another line delivered first."""
        newest = self.owed[1]
        newest[content] = newest.get(content, 0) + 1
        if len(newest) > MAX_OWED:
            del newest[next(iter(newest))]

    def holds(self, content: Any) -> bool:
        """Whether the line has delivered a content that nobody else had."""
        return any(held == content for held, _ in self.held)


class ContentMerge:
    """Emits each event from the line that delivers it first; see `feedd.sources.native.merge`.

    A line is a connection. Two lines deliver the same event with the same content. A line that
    delivers a content twice has two events, of which another line owes both. So no event is
    dropped but one that another line delivered; the order of times plays no part: a candle may
    close after the next one has begun, and two events may have one time.

    A line that was opened beside others may be ahead of them. Its events are held back until it
    delivers, or has delivered, one of theirs, for at most WAIT_S. `missing` is called just before
    the next event where events may be missing, with the reason.
    """

    def __init__(
        self, emit: Callable[[Any], None], missing: Callable[[Any, Any, str], None]
    ) -> None:
        self._emit = emit
        self._missing = missing
        self._lines: dict[Any, _LineState] = {}
        self._hole: str | None = None  # why events may be missing before the next one
        self._emitted = 0  # events since there are lines
        self._turned_s: float | None = None  # when `owed` was turned over

    def opened(self, line: Any) -> None:
        """Add a line that has just subscribed."""
        if line not in self._lines:
            # The first line is complete from its first event, unless another one starts earlier.
            self._lines[line] = _LineState(self._emitted, joined=not self._lines)

    def take(self, line: Any, content: Any, _before: Any, event: Any) -> None:
        """Take an event of a line; one that another line delivered changes nothing."""
        own = self._lines.get(line)
        if own is None:
            return
        if own.delivers(content):
            self._join(own)
            return
        own.held.append((content, event))
        if not self._emitted or own.joined or (self._hole is not None and not own.passed):
            self._release(own)
        elif len(own.held) > MAX_HELD:
            if own.passed:
                own.held.popleft()
            else:
                self._skip(own, "too many events were held back for another connection")

    def closed(self, line: Any, reason: str) -> bool:
        """Remove a line; return whether others remain."""
        gone = self._lines.pop(line, None)
        if not self._lines:
            self._hole, self._emitted = None, 0  # the caller reports what is missing
            return False
        if gone is not None and gone.joined and not any(o.joined for o in self._lines.values()):
            if self._emitted:
                self._hole = self._hole or reason
            for own in list(self._lines.values()):
                own.passed = False  # nobody else continues
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
                own.owed = (own.owed[1], {})
            if not own.held or own.passed:
                own.held_s = None
            elif own.held_s is None:
                own.held_s = now_s
            elif now_s - own.held_s >= WAIT_S:
                self._skip(own, "one connection went ahead and another did not follow")

    def _join(self, own: _LineState) -> None:
        """Note that a line delivered an event of another: it lacks nothing after that."""
        self._hole = None
        if own.passed:
            own.held.clear()  # older than what it delivered: in the gap that was reported
        own.joined, own.passed = True, False
        if own.held:
            self._release(own)

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
                content, event = own.held.popleft()
                if own.delivers(content):
                    continue
                waiting += self._owed_by_others(own, content)
                self._report_hole()
                self._emitted += 1
                self._emit(event)
            own.held_s = None

    def _owed_by_others(self, own: _LineState, content: Any) -> list[_LineState]:
        """Note an event as delivered; return the lines that had delivered it, now complete."""
        complete = []
        for other in self._lines.values():
            if other is own:
                continue
            if not other.holds(content):
                other.owe(content)
                continue
            before: list[tuple[Any, Any]] = []
            while other.held[0][0] != content:
                before.append(other.held.popleft())
            other.held.popleft()
            if not other.passed:  # else they are in the gap that was reported
                other.held.extendleft(reversed(before))
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

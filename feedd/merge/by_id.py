"""Merge one channel's events of several connections: complete, each once, in order.

Pure: no socket, no loop and no clock of its own.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_HELD = 10_000  # events of a line that waits for the others
WAIT_S = 1.0  # for another line to deliver what this one lacks
MAX_TWINS = 100  # different events with one key
BEHIND_S = 5.0  # of events older than the last one emitted: no working line lags so much

IDS_RESTARTED = "the ids restarted, or one was far too high"


class _Item(NamedTuple):
    key: Any
    before: int | None
    event: Any


class _LineState:
    """State of one line. `joined`: it lacks no event after the last one emitted."""

    def __init__(self, begun: Any, era: int, *, joined: bool) -> None:
        self.begun = begun  # the last key emitted when it was opened
        self.joined = joined
        self.newest: Any = -1  # the last key that it delivered
        self.era = era  # how often its keys fell
        self.held: deque[_Item] = deque()
        self.held_s: float | None = None  # since when, as seen by `overdue`
        self.released: Any = None  # the last key that was held back
        self.twins = (-1, 0)  # a key, and how many different events with it the line delivered
        self.checked: Any = -1  # `newest` at the last `overdue`
        self.behind_since: tuple[Any, float] | None = None  # a key dropped, and its time


class Merge:
    """Emits each event from the line that delivers it first.

    A line is a connection. Its events arrive in the order of their keys, which are the exchange's
    ids, above 0 and equal on every line. `before` is the preceding key, if the exchange's ids
    reveal it: a gap is then certain, and is one that no line can fill. Otherwise a line proves that
    it lacks nothing by delivering an event that was emitted before; until then its events are held
    back, for at most WAIT_S. `emit` receives the events in order. `missing` is called just before
    the next event with the keys between which events may be missing; keys with a `before` need no
    call. `same` compares two events with one key.

    Keys may fall: the exchange's ids restarted, or one key was far too high. A single line emits
    them as they arrive. Of several lines, one whose own keys fall is right: the stream continues
    from there after a gap, and another line is behind until its keys fall too, or until it delivers
    an event of the new keys. So does a line that was opened after the fall and delivers only older
    keys for BEHIND_S, while no other line emits any event.
    """

    def __init__(
        self,
        emit: Callable[[Any], None],
        missing: Callable[[Any, Any, str], None],
        same: Callable[[Any, Any], bool],
    ) -> None:
        self._emit = emit
        self._missing = missing
        self._same = same
        self._lines: dict[Any, _LineState] = {}
        self._hole: tuple[Any, str] | None = None  # after which key, and why
        self._waiting = 0  # events held back on all lines
        self._in_step = False  # every line is joined, of this era, and waits for nothing
        self._era = 0
        self._of_era: dict[Any, Any] = {}  # events by key, while a line is of an older era
        self._twins: list[Any] = []  # further events with the key `last`
        self._checked_last: Any = None  # `last` at the previous `overdue`
        self.only: Any = None  # the line, if there is only one: it needs no merging
        self.last: Any = None
        self.newest: Any = None  # the event with that key

    @property
    def has_emitted(self) -> bool:
        """Whether an event was emitted since there are lines."""
        return self.last is not None

    def opened(self, line: Any) -> None:
        """Add a line that has just subscribed."""
        if line not in self._lines:
            # The first line is complete from its first event, unless another one starts earlier.
            self._lines[line] = _LineState(self.last, self._era, joined=not self._lines)
            self._settle()

    def take(self, line: Any, key: Any, before: int | None, event: Any) -> None:
        """Take an event of a line; one that was emitted before changes nothing."""
        if line is self.only:
            self.last, self.newest = key, event
            self._emit(event)
            return
        own = self._lines.get(line)
        if own is None:
            return
        if self._in_step:
            if key > self.last:
                if before is None or before == self.last:
                    self.last = own.newest = key
                    self.newest = event
                    self._emit(event)
                    return
            elif key > own.newest:
                own.newest = key
                return
        self._take(own, key, before, event)
        self._settle()

    def begins(self, line: Any, key: Any, event: Any) -> None:
        """Take a line's snapshot, from which the stream goes on whatever was emitted before it.

        The other lines' events go on from there too; until they deliver one of it they wait for
        those between. The caller reports what is missing.
        """
        own = self._lines.get(line)
        if own is not None and line is not self.only:
            for other in self._lines.values():
                other.joined = False
                other.era = self._era
                other.held.clear()
            self._waiting = 0
            self._hole = None
            self._in_step = False
            self._of_era.clear()
            own.newest = -1
            self.last = self.newest = None
        self.take(line, key, None, event)

    def goes_on_beside(self, line: Any) -> bool:
        """Return whether another line delivers events too."""
        return self.last is not None and len(self._lines) > 1 and line in self._lines

    def renewed(self, line: Any) -> None:
        """Note that a line was subscribed to again, and begins with a snapshot."""
        own = self._lines.get(line)
        if own is not None:
            own.newest = -1

    def closed(self, line: Any, reason: str) -> bool:
        """Remove a line; return whether others remain."""
        gone = self._lines.pop(line, None)
        self._waiting -= len(gone.held) if gone is not None else 0
        if not self._lines:
            # The exchange may restart its ids; the caller reports what is missing.
            self.last = self.newest = self.only = self._hole = None
            self._in_step = False
            self._twins.clear()
            self._of_era.clear()
            return False
        if gone is not None and gone.joined and not any(o.joined for o in self._lines.values()):
            self._hole = self._hole or (self.last, reason)
            for own in self._lines.values():
                own.era = self._era  # no other line continues
        self._drain()
        self._settle()
        return True

    def goes_on_with(self, line: Any) -> bool:
        """Return whether no event would be missing if this line were the only one."""
        own = self._lines.get(line)
        return own is not None and (own.joined or self.last == own.begun) and not own.held

    def replaces(self, line: Any) -> None:
        """Mark a line as complete, after `goes_on_with` returned True: another is closed next."""
        own = self._lines.get(line)
        if own is not None:
            own.joined = True

    def overdue(self, now_s: float) -> None:
        """Stop waiting for other lines after WAIT_S. Call it several times per second."""
        if self.only is not None:
            return
        if self.last is not None:
            self._check_lines_behind(now_s)
        for own in self._lines.values():
            if not own.held:
                own.held_s = None
            elif own.held_s is None:
                own.held_s = now_s
            elif now_s - own.held_s >= WAIT_S:
                own.held_s = None
                self._skip("one connection went ahead and another did not follow")
                self._drain()
        self._settle()

    def _take(self, own: _LineState, key: Any, before: int | None, event: Any) -> None:
        """Take an event where the lines are not in step, or its key did not rise on its line."""
        fell, repeats = key < own.newest, key == own.newest
        own.newest = key
        if fell:
            if own.held and not own.joined:
                self._hole = self._hole or (self.last, IDS_RESTARTED)
            while own.held:
                self._emit_first(own)
            own.era += 1
            own.joined = False
            if own.era > self._era:
                self._begin_era(own)
        if own.era < self._era:
            known = self._of_era.get(key)
            if known is not None and self._same(event, known):
                own.era = self._era
                self._joined(own)
        elif repeats and key == self.last and not own.held:
            self._take_twin(own, event)
        elif not own.held and self.last is not None and key <= self.last:
            self._take_known(own, key, event)
        else:
            own.held.append(_Item(key, before, event))
            self._waiting += 1
            if len(own.held) > MAX_HELD:
                self._skip("too many events were held back for another connection")
        self._drain()

    def _take_twin(self, own: _LineState, event: Any) -> None:
        """Take an event with the key of the line's last one, which is the last one emitted.

        Every line delivers the same different events in the same order; one that equals the line's
        last is the same event.
        """
        key, twins = own.twins
        count = twins if key == self.last else 1
        emitted = (self.newest, *self._twins)
        if self._same(event, emitted[min(count, len(emitted)) - 1]):
            return
        own.twins = (self.last, count + 1)
        if count >= len(emitted):
            if len(self._twins) < MAX_TWINS:
                self._twins.append(event)
            self._emit(event)

    def _take_known(self, own: _LineState, key: Any, event: Any) -> None:
        """Take a line's first event with a key that was emitted; emit it if it is another one.

        A line that was opened between two different events with one key delivers the second first.
        """
        self._joined(own)
        emitted = (self.newest, *self._twins)
        if key != self.last or any(self._same(event, one) for one in emitted):
            return
        own.twins = (self.last, len(emitted) + 1)
        if len(self._twins) < MAX_TWINS:
            self._twins.append(event)
        self._emit(event)

    def _begin_era(self, own: _LineState) -> None:
        """Continue from a line whose keys fell."""
        self._era = own.era
        self._of_era.clear()
        self._restart()
        own.joined = True
        for other in self._lines.values():
            if other is not own:
                other.joined = False
                self._waiting -= len(other.held)
                other.held.clear()  # the gap that is reported contains them

    def _drain(self) -> None:
        """Emit what is in order; if every line lacks the same events, continue after those."""
        while True:
            while self._advance():
                pass
            if not self._lines or not all(own.held for own in self._lines.values()):
                return
            self._skip("no connection delivered it")

    def _advance(self) -> bool:
        moved = False
        for own in self._lines.values():
            held = own.held
            while held and self.last is not None and held[0].key <= self.last:
                key, _, event = held.popleft()
                self._waiting -= 1
                if key == self.last and key == own.released:
                    self._take_twin(own, event)
                else:
                    self._take_known(own, key, event)
                own.released = key
                moved = True
            if held and self._follows(own, held[0]):
                self._emit_first(own)
                moved = True
        return moved

    def _follows(self, own: _LineState, item: _Item) -> bool:
        if self.last is None or self._hole is not None:
            return True
        return own.joined if item.before is None else item.before <= self.last

    def _skip(self, why: str) -> None:
        """Emit the first event held back, although events may be missing before it."""
        first = min(
            (own for own in self._lines.values() if own.held), key=lambda own: own.held[0].key
        )
        if not first.joined:
            self._hole = self._hole or (self.last, why)
        self._emit_first(first)

    def _emit_first(self, own: _LineState) -> None:
        key, before, event = own.held.popleft()
        self._waiting -= 1
        if self.last is None:
            # This line may lack the others' next events, and they its earlier ones.
            for other in self._lines.values():
                other.joined = False
        if self._hole is not None:
            behind, why = self._hole
            if before is None and behind is not None:
                self._missing(behind, key, why)
            self._hole = None
        elif before is not None and self.last is not None and before < self.last:
            # Another line split the same changes differently; sizes are absolute.
            event = event._replace(before=self.last)
        self.last, self.newest = key, event
        self._twins.clear()
        own.joined, own.released = True, key
        if any(other.era < self._era for other in self._lines.values()):
            self._of_era[key] = event
            if len(self._of_era) > MAX_HELD:
                del self._of_era[next(iter(self._of_era))]
        self._emit(event)

    def _joined(self, own: _LineState) -> None:
        """Note that a line delivered an event emitted before: it lacks nothing after it."""
        own.joined = True
        self._hole = None

    def _check_lines_behind(self, now_s: float) -> None:
        """Restart if a line delivers only older events, and no line any newer."""
        advanced = self.last != self._checked_last or self._waiting > 0
        self._checked_last = self.last
        for own in self._lines.values():
            newest = None if own.newest == own.checked else own.newest
            own.checked = own.newest
            if advanced or own.newest == self.last:
                own.behind_since = None
            elif newest is None:
                continue
            elif own.behind_since is None:
                own.behind_since = (newest, now_s)
            elif newest > own.behind_since[0] and now_s - own.behind_since[1] >= BEHIND_S:
                self._restart()
                for one in self._lines.values():
                    one.era = self._era
                return

    def _restart(self) -> None:
        self._hole = (self.last, IDS_RESTARTED)
        self.last = self.newest = None
        for own in self._lines.values():
            own.behind_since = None

    def _settle(self) -> None:
        """Find out how little the next events need."""
        if self.only in self._lines and self.last is not None:
            self._lines[self.only].newest = self.last  # events of the only line don't note it
        self.only = None
        lines = self._lines.values()
        self._in_step = (
            len(lines) > 1
            and self.last is not None
            and not self._waiting
            and self._hole is None
            and not self._twins
            and all(own.joined and own.era == self._era for own in lines)
        )
        if len(lines) == 1 and self._hole is None and not self._waiting:
            ((line, own),) = self._lines.items()
            # A line that is behind still delivers events that another one emitted.
            if self.last is None or own.newest >= self.last:
                self.only = line
                own.era = self._era
                self._of_era.clear()

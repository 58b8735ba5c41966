"""One channel's events of several connections as one stream: whole, once, and never backwards.

Pure: no socket, no loop and no clock of its own.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

HELD_AT_MOST = 10_000  # events of a line that waits for the others
WAIT_S = 1.0  # for another line to bring what this one lacks
BEHIND_S = 5.0  # of events that are all behind what was told: no line lags so much and lives

ANEW = "the ids restarted, or one was far too high"


class _Item(NamedTuple):
    key: Any
    before: int | None
    event: Any


class _Line:
    """What one line has ready. `joined`: nothing lies between it and what was told."""

    def __init__(self, begun: Any, *, joined: bool) -> None:
        self.begun = begun  # what had been told when it was opened
        self.joined = joined
        self.held: deque[_Item] = deque()
        self.held_s: float | None = None  # since when, as far as `overdue` has seen
        self.behind: Any = None  # the newest that was dropped, since `overdue` looked
        self.behind_since: tuple[Any, float] | None = None  # the first of them, and when


class Merge:
    """Takes each event from whichever line brings it first.

    A line is a connection; its events come in the order of their keys, which are the exchange's
    and the same on every line. `before` is the key that comes before, where the exchange's ids
    say so: then a hole is one that no line can fill. Elsewhere a line proves that it lacks
    nothing by an event that was told already; until then its events are held back, for at most
    WAIT_S. `tell` takes an event in its order. `missing` is told, just before the next event,
    what may lie between two keys; where ids have a `before`, that shows by itself.

    Keys may go back: the exchange counts anew, or one key was far too high. An only line tells
    them as they come. Of several, a line that brings nothing but what is behind, for BEHIND_S in
    which no other tells anything either, is right, and goes on after a hole.
    """

    def __init__(
        self, tell: Callable[[Any], None], missing: Callable[[Any, Any, str], None]
    ) -> None:
        self._tell = tell
        self._missing = missing
        self._lines: dict[Any, _Line] = {}
        self._hole: tuple[Any, str] | None = None  # behind which key, and why
        self._waiting = 0  # events that all lines hold back
        self._ahead: _Line | None = None  # the line that brought what was told last
        self._looked_at: Any = None  # what was told last when `overdue` looked
        self.only: Any = None  # the line, where there is one: it needs no merging
        self.last: Any = None

    def opened(self, line: Any) -> None:
        """Take in a line that is subscribed from now on."""
        if line not in self._lines:
            # What the first line tells is whole, whenever it begins; unless another begins before.
            self._lines[line] = _Line(self.last, joined=not self._lines)
            self._look_for_only()

    def take(self, line: Any, key: Any, before: int | None, event: Any) -> None:
        """Take an event of a line; one that was told already changes nothing."""
        if line is self.only:
            self.last = key
            self._tell(event)
            return
        own = self._lines.get(line)
        if own is None:
            return
        if own.joined and not self._waiting and self._hole is None and self.last is not None:
            # Two lines that go on side by side.
            if key <= self.last:
                own.behind = key
                return
            if before is None or before == self.last:
                self.last, self._ahead = key, own
                self._tell(event)
                return
        if not own.held and self.last is not None and key <= self.last:
            own.behind = key
            self._joined(own)
        else:
            own.held.append(_Item(key, before, event))
            self._waiting += 1
            if len(own.held) > HELD_AT_MOST:
                self._skip("too many events were held back for another connection")
        self._drain()
        self._look_for_only()

    def closed(self, line: Any, reason: str) -> bool:
        """Leave a line out; return whether others go on."""
        gone = self._lines.pop(line, None)
        self._waiting -= len(gone.held) if gone is not None else 0
        if not self._lines:
            # The exchange may begin its ids anew; and what is missing the caller tells.
            self.last = self.only = self._hole = self._ahead = None
            return False
        if gone is not None and gone.joined and not any(o.joined for o in self._lines.values()):
            self._hole = self._hole or (self.last, reason)
        self._drain()
        self._look_for_only()
        return True

    def goes_on_with(self, line: Any) -> bool:
        """Whether nothing would be missing if this line were the only one."""
        own = self._lines.get(line)
        return own is not None and (own.joined or self.last == own.begun) and not own.held

    def replaces(self, line: Any) -> None:
        """Take it that a line lacks nothing, as `goes_on_with` said: another is to be closed."""
        own = self._lines.get(line)
        if own is not None:
            own.joined = True

    def overdue(self, now_s: float) -> None:
        """Wait no longer than WAIT_S for what other lines don't bring; to be called often."""
        if self.only is None and self.last is not None:
            self._look_behind(now_s)
        for own in self._lines.values():
            if not own.held:
                own.held_s = None
            elif own.held_s is None:
                own.held_s = now_s
            elif now_s - own.held_s >= WAIT_S:
                own.held_s = None
                self._skip("one connection went ahead and another did not follow")
                self._drain()

    def _drain(self) -> None:
        """Tell what is in order; where every line lacks the same, what comes behind that."""
        while True:
            while self._advance():
                pass
            if not self._lines or not all(own.held for own in self._lines.values()):
                return
            self._skip("no connection brought it")

    def _advance(self) -> bool:
        moved = False
        for own in self._lines.values():
            held = own.held
            while held and self.last is not None and held[0].key <= self.last:
                held.popleft()
                self._waiting -= 1
                self._joined(own)
                moved = True
            if held and self._follows(own, held[0]):
                self._tell_first(own)
                moved = True
        return moved

    def _follows(self, own: _Line, item: _Item) -> bool:
        if self.last is None or self._hole is not None:
            return True
        return own.joined if item.before is None else item.before <= self.last

    def _skip(self, why: str) -> None:
        """Tell the first of what is held, although something may be missing before it."""
        first = min(
            (own for own in self._lines.values() if own.held), key=lambda own: own.held[0].key
        )
        if not first.joined:
            self._hole = self._hole or (self.last, why)
        self._tell_first(first)

    def _tell_first(self, own: _Line) -> None:
        key, before, event = own.held.popleft()
        self._waiting -= 1
        if self.last is None:
            # Of what the others bring, this may lack what comes next, and they what came before.
            for other in self._lines.values():
                other.joined = False
        if self._hole is not None:
            behind, why = self._hole
            if before is None and behind is not None:
                self._missing(behind, key, why)
            self._hole = None
        elif before is not None and self.last is not None and before < self.last:
            # Another line cut the same changes into other pieces; sizes are absolute.
            event = event._replace(before=self.last)
        self.last, self._ahead = key, own
        own.joined = True
        self._tell(event)

    def _joined(self, own: _Line) -> None:
        """Note that a line brought what was told already: it has all that comes behind."""
        own.joined = True
        self._hole = None

    def _look_behind(self, now_s: float) -> None:
        """Begin anew where a line brings only what is behind, and no line anything else."""
        went_on = self.last != self._looked_at or self._waiting > 0
        self._looked_at = self.last
        for own in self._lines.values():
            newest, own.behind = own.behind, None
            if went_on:
                own.behind_since = None
            elif newest is None:
                continue
            elif own.behind_since is None:
                own.behind_since = (newest, now_s)
            elif newest > own.behind_since[0] and now_s - own.behind_since[1] >= BEHIND_S:
                self._begin_anew()
                return

    def _begin_anew(self) -> None:
        self._hole = (self.last, ANEW)
        self.last = self._ahead = None
        for own in self._lines.values():
            own.behind_since = None

    def _look_for_only(self) -> None:
        self.only = None
        if len(self._lines) == 1:
            ((line, own),) = self._lines.items()
            # A line that is behind still brings what another told.
            if self._ahead in {None, own} and self._hole is None:
                self.only, self._ahead = line, own

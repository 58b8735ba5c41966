"""The messages of one topic in one session, put in order: what is missing, and what waits for it.

Pure: it has no clock and no socket. Each seq from `next` to `high` either waits here or lies in
exactly one hole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 2000  # messages; a larger hole is not repaired: who asks for so much only falls behind
MOST_WAITING = 5000  # messages of one topic behind a hole
MOST_HOLES = 500


@dataclass(slots=True)
class Hole:
    """Messages that are missing, `first` to `last`, both included.

    `seen_s` is when it showed, `ask_s` from when on history may be asked, `asked_s` when it was
    first. `refused` has a bit for each history that has not got them; `lost` says why nobody will
    be asked any more.
    """

    first: int
    last: int
    seen_s: float
    ask_s: float
    asked_s: float | None = None
    refused: int = 0
    lost: str | None = None
    newest: bool = False  # it stands for the snapshot: what lies before it is not asked for

    def part(self, first: int, last: int) -> Hole:
        """Return a part of it, with all that is known of it."""
        return Hole(
            first, last, self.seen_s, self.ask_s, self.asked_s, self.refused, self.lost, self.newest
        )


class Order:
    """One topic. Tell it what came and what exists; `advance` yields what is next.

    It drops what it has had: `offer` says whether a message was news.
    """

    __slots__ = ("begun", "high", "holes", "next", "session", "waiting")

    def __init__(self, session: int, first: int) -> None:
        self.begin(session, first)

    def begin(self, session: int, first: int) -> None:
        """Start over with a session, of which `first` is the first message wanted."""
        self.session = session
        self.begun = self.next = first
        self.high = first - 1
        self.waiting: dict[int, Any] = {}
        self.holes: list[Hole] = []

    def offer(self, seq: int, message: Any, now_s: float, wait_s: float) -> bool:
        """Take in a message; return whether it was news. `wait_s`: how long holes are left be."""
        if seq > self.high:
            if seq > self.high + 1:
                self._hole(self.high + 1, seq - 1, now_s, wait_s, is_tail=False)
            self.high = seq
            self.waiting[seq] = message
            if len(self.waiting) > MOST_WAITING or len(self.holes) > MOST_HOLES:
                self.give_up(f"more than {MOST_WAITING:,} messages waited for it")
            return True
        if seq < self.next:
            return False
        for at, hole in enumerate(self.holes):
            if hole.first <= seq <= hole.last:
                left = [
                    hole.part(first, last)
                    for first, last in ((hole.first, seq - 1), (seq + 1, hole.last))
                    if first <= last
                ]
                self.holes[at : at + 1] = left
                self.waiting[seq] = message
                return True
        return False

    def exists(self, high: int, now_s: float, wait_s: float, *, newest: bool = False) -> None:
        """Take in that messages up to `high` were published.

        `newest`: the last of them stands for the snapshot.
        """
        if high > self.high:
            self._hole(self.high + 1, high, now_s, wait_s, is_tail=True)
            self.holes[-1].newest |= newest
            self.high = high

    def _hole(self, first: int, last: int, now_s: float, wait_s: float, *, is_tail: bool) -> None:
        hole = Hole(first, last, now_s, now_s + wait_s)
        if last - first >= LARGEST:
            if is_tail:
                self.holes.append(hole.part(first, last - 1))
                hole.newest, hole.first = True, last
                self.holes[-1].lost = f"more than {LARGEST:,} messages at once"
            else:
                hole.lost = f"more than {LARGEST:,} messages at once"
        self.holes.append(hole)

    def give_up(self, reason: str) -> None:
        """Wait no longer for the first hole."""
        if self.holes and self.holes[0].lost is None:
            self.holes[0].lost = reason

    def give_up_all(self, reason: str) -> None:
        """Wait no longer for any."""
        for hole in self.holes:
            hole.lost = hole.lost or reason

    def refuse(self, first: int, last: int, history: int, everyone: int, reason: str) -> None:
        """Take in that a history has none of `first` to `last`; `everyone` are the bits of all."""
        self._split(first)
        self._split(last + 1)
        for hole in self.holes:
            if first <= hole.first and hole.last <= last:
                hole.refused |= 1 << history
                if hole.refused & everyone == everyone:
                    hole.lost = hole.lost or reason

    def _split(self, seq: int) -> None:
        """See to it that a hole which contains seq begins with it."""
        for at, hole in enumerate(self.holes):
            if hole.first < seq <= hole.last:
                self.holes[at : at + 1] = [
                    hole.part(hole.first, seq - 1),
                    hole.part(seq, hole.last),
                ]
                return

    def wanted(self, now_s: float) -> Hole | None:
        """Return what to ask for now, as one hole of at most `LARGEST`; None where nothing is."""
        span: Hole | None = None
        for hole in self.holes:
            if hole.lost is not None or hole.ask_s > now_s:
                if span is not None:
                    break
                continue
            if span is None:
                span = hole.part(hole.first, hole.last)
            elif hole.refused != span.refused or hole.last - span.first >= LARGEST:
                break
            else:
                span.last = hole.last
            if hole.asked_s is None:
                hole.asked_s = now_s
        return span

    def within(self, first: int, last: int) -> Iterator[Hole]:
        """Yield the holes that lie in `first` to `last`, at least in part."""
        return (hole for hole in self.holes if hole.first <= last and hole.last >= first)

    def advance(self) -> Iterator[Any]:
        """Yield what is next: messages, and holes for which nobody waits any more."""
        while self.next <= self.high:
            message = self.waiting.pop(self.next, None)
            if message is not None:
                self.next += 1
                yield message
                continue
            hole = self.holes[0]
            if hole.lost is None:
                return
            del self.holes[0]
            while self.holes and self.holes[0].first == hole.last + 1 and self.holes[0].lost:
                hole.last = self.holes.pop(0).last
            self.next = hole.last + 1
            yield hole

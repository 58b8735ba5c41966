"""Messages of a recording that are read before their turn, to find some of them. Pure."""

from __future__ import annotations

from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from feedd.client.gap_repair import FIRST_REQUEST_S, MAX_WAITING_IN_ALL, REPAIR_S
from feedd.clock import NS_PER_S
from feedd.recordings.replay.selection import YIELD_EVERY, SelectedMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# By the recording's clock: as long as a client waits for the repair of a gap.
WINDOW_NS = int((FIRST_REQUEST_S + REPAIR_S) * NS_PER_S)
MAX_AHEAD = MAX_WAITING_IN_ALL  # messages
END: Final = SelectedMessage(0, 0, b"", b"", 0, 0)  # behind the last message

SeqRange = tuple[bytes, int, int]  # a topic's seqs, from one to before another


class ReadAhead:
    """Messages in the order of `selected`, some of which are read, and taken, before their turn.

    `waiting` has those that were read. While there are none, `selected` has the next one.
    """

    def __init__(self, selected: Iterator[SelectedMessage | None]) -> None:
        self.selected = selected
        self.waiting: deque[SelectedMessage] = deque()
        self._index: dict[tuple[bytes, int], dict[int, SelectedMessage]] = {}  # by seq
        self._taken: set[tuple[bytes, int, int]] = set()

    def next(self) -> SelectedMessage | None:
        """Return the next message or END; None for one taken before, or where `selected` does."""
        if not self.waiting:
            return next(self.selected, END)
        one = self.waiting.popleft()
        key = (one.topic, one.session, one.seq)
        if key in self._taken:
            self._taken.remove(key)
            return None
        self._index[one.topic, one.session].pop(one.seq, None)
        return one

    def put_back(self, one: SelectedMessage) -> None:
        """Put back a message that `next` returned; it will be the next one again."""
        self.waiting.appendleft(one)
        self._index.setdefault((one.topic, one.session), {})[one.seq] = one

    def first(self, topic: bytes, session: int) -> int | None:
        """Return the lowest seq of a topic that was read ahead."""
        return min(self._index.get((topic, session), ()), default=None)

    def find(self, session: int, ranges: Iterable[SeqRange], at_ns: int) -> Iterator[None]:
        """Read until all messages of some ranges are there, or to the end of the window."""
        wanted = {topic: (first, end) for topic, first, end in ranges}
        missing = sum(end - first for first, end in wanted.values())
        for topic, (first, end) in wanted.items():
            missing -= sum(first <= seq < end for seq in self._index.get((topic, session), ()))
        if missing > 0:
            for one in self._read(at_ns):
                if one is None:
                    yield None
                elif one.session == session and one.topic in wanted:
                    first, end = wanted[one.topic]
                    missing -= first <= one.seq < end
                    if not missing:
                        return

    def find_first(self, session: int, topics: Iterable[bytes], at_ns: int) -> Iterator[None]:
        """Read until there is a message of each topic, or to the end of the window."""
        wanted = {topic for topic in topics if not self._index.get((topic, session))}
        if wanted:
            for one in self._read(at_ns):
                if one is None:
                    yield None
                elif one.session == session and one.topic in wanted:
                    wanted.remove(one.topic)
                    if not wanted:
                        return

    def take(self, session: int, ranges: Iterable[SeqRange], at_ns: int) -> list[SelectedMessage]:
        """Take the messages of some ranges within the window, to play them at a time."""
        found = []
        for topic, first, end in ranges:
            messages = self._index.get((topic, session), {})
            early = [one for seq, one in messages.items() if first <= seq < end]
            for one in sorted(early, key=attrgetter("seq")):
                if one.at_ns <= at_ns + WINDOW_NS:
                    del messages[one.seq]
                    self._taken.add((topic, session, one.seq))
                    found.append(one._replace(at_ns=at_ns))
        return found

    def _read(self, at_ns: int) -> Iterator[SelectedMessage | None]:
        """Read to the end of the window, and yield each message; None from time to time."""
        waiting, read = self.waiting, 0
        while len(waiting) < MAX_AHEAD:
            if waiting and waiting[-1].at_ns > at_ns + WINDOW_NS:
                return
            one = next(self.selected, END)
            if one is END:
                return
            read += 1
            if one is None or read % YIELD_EVERY == 0:
                yield None
            if one is not None:
                waiting.append(one)
                self._index.setdefault((one.topic, one.session), {})[one.seq] = one
                yield one

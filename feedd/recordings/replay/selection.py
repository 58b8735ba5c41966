"""Which frames of a recording go out: those that are wanted, each of them once. Pure.

Two recordings of the same stream hold the same messages; each may have holes where the other has
none. So a frame is known by its topic, session and seq, and what was sent is remembered as ranges:
memory grows with the holes only.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from feedd.codec import UNREADABLE
from feedd.recordings.format.block_records import NOTICE
from feedd.recordings.format.damage import Damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from feedd.recordings.format.block_records import BlockRecord
    from feedd.recordings.format.series_reader import ClockedEntry


# Records in a row that are not played, until it is said: some ms, in which a frame may be due.
SAY_EVERY = 500


class _Numbers(Struct, gc=False):
    """What is read of a payload; all else in it is skipped."""

    session: int
    seq: int


_numbers = msgspec.msgpack.Decoder(_Numbers).decode


@dataclass(slots=True)
class _Sent:
    """Of one topic and session: all up to `high` but `holes`, ascending, both ends included."""

    high: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)

    def take(self, seq: int) -> bool:
        """Take note of a message that is about to be sent; return False where it was already."""
        if seq > self.high:
            if seq > self.high + 1:
                self.holes.append((self.high + 1, seq - 1))
            self.high = seq
            return True
        at = bisect_right(self.holes, (seq, self.high)) - 1
        if at < 0 or seq > self.holes[at][1]:
            return False
        first, last = self.holes[at]
        parts = ((first, seq - 1), (seq + 1, last))
        self.holes[at : at + 1] = [part for part in parts if part[0] <= part[1]]
        return True


class Selection:
    """One pass over a recording; `wanted` says of a topic whether it is played."""

    def __init__(self, wanted: Callable[[bytes], bool]) -> None:
        self._wanted = wanted
        self._topics: dict[bytes, bool] = {}
        self._sent: dict[tuple[bytes, int], _Sent] = {}

    def frames(
        self, entries: Iterable[ClockedEntry], tell: Callable[[Damage], object]
    ) -> Iterator[tuple[int, BlockRecord] | None]:
        """Yield what goes out, with what the recording's clock says; damages are told instead.

        None comes where nothing has for a while: whoever reads may have something else to do.

        A notice is what a client concluded, and nothing that was published: who hears the replay
        concludes it anew.
        """
        plays, unsaid = self._plays, 0
        for at_ns, what in entries:
            if isinstance(what, Damage):
                tell(what)
            elif what.kind != NOTICE and plays(what.topic, what.payload):
                unsaid = 0
                yield at_ns, what
                continue
            unsaid += 1
            if unsaid == SAY_EVERY:
                unsaid = 0
                yield None

    def _plays(self, topic: bytes, payload: bytes) -> bool:
        wanted = self._topics.get(topic)
        if wanted is None:
            wanted = self._topics[topic] = self._wanted(topic)
        return wanted and self._fresh(topic, payload)

    def _fresh(self, topic: bytes, payload: bytes) -> bool:
        try:
            numbers = _numbers(payload)
        except UNREADABLE:
            return True  # whatever it is, it was published
        key = (topic, numbers.session)
        sent = self._sent.get(key)
        if sent is None:
            sent = self._sent[key] = _Sent()
        return sent.take(numbers.seq)

"""Select the messages of a recording to publish: wanted topics, without duplicates. Pure.

Two recordings of the same stream contain the same messages, with different gaps. A message is
identified by topic, session and seq; sent ones are stored as ranges, so that memory grows only with
the number of gaps.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from feedd.codec import UNREADABLE
from feedd.recordings.format.block_records import NOTICE
from feedd.recordings.format.damage import Damage
from feedd.recordings.replay.status_payloads import STATUS_PREFIX, with_next_seqs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from feedd.recordings.format.block_records import BlockRecord
    from feedd.recordings.format.series_reader import ClockedEntry


COMPARED = 256  # messages of a topic, with those of another recording
# Skipped records in a row before a None: some ms, in which a message may be due.
YIELD_EVERY = 500


class SelectedMessage(NamedTuple):
    """A message to publish, as recorded; `at_ns` is the recording's clock.

    `session` and `seq` are 0 where the payload has none.
    """

    at_ns: int
    kind: int
    topic: bytes
    payload: bytes
    session: int
    seq: int


class _Numbers(Struct, gc=False):
    """The keys of a payload that are read; all others are skipped."""

    session: int
    seq: int


_numbers = msgspec.msgpack.Decoder(_Numbers).decode


@dataclass(slots=True)
class _Sent:
    """Sent messages of a topic and session: up to `high`, except `gaps`, ascending, inclusive."""

    high: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    recent: list[bytes | None] = field(default_factory=lambda: [None] * COMPARED)
    in_conflict: bool = False

    def add(self, seq: int) -> bool:
        """Add a message to send; return False if it was sent before."""
        if seq > self.high:
            if seq > self.high + 1:
                self.gaps.append((self.high + 1, seq - 1))
            self.high = seq
            return True
        at = bisect_right(self.gaps, (seq, self.high)) - 1
        if at < 0 or seq > self.gaps[at][1]:
            return False
        first, last = self.gaps[at]
        parts = ((first, seq - 1), (seq + 1, last))
        self.gaps[at : at + 1] = [part for part in parts if part[0] <= part[1]]
        return True

    def differs(self, seq: int, payload: bytes) -> bool:
        """Return, once, whether a repeated message is another one with the same number."""
        sent = self.recent[seq % COMPARED]
        if self.in_conflict or sent is None or sent == payload or _numbers(sent).seq != seq:
            return False
        self.in_conflict = True
        return True


def _conflict_damage(at_ns: int, topic: bytes, session: int, seq: int) -> Damage:
    return Damage(
        Path(topic.decode("ascii", "replace")), at_ns, at_ns, None,
        f"session {session} has two different messages with number {seq}: the recordings are of "
        "two workers, or of two imports; replay one after the other",
    )  # fmt: skip


class Selection:
    """One pass over a recording; `wanted` returns whether a topic is played.

    In a status it removes the topics that are not played from `next_seq`, so that no subscriber
    misses their messages. Everything else is as recorded.
    """

    def __init__(self, wanted: Callable[[bytes], bool]) -> None:
        self._wanted = wanted
        self._topics: dict[bytes, bool] = {}
        self._sent: dict[tuple[bytes, int], _Sent] = {}
        self._conflict: tuple[bytes, int, int] | None = None  # topic, session, seq

    def messages(
        self, entries: Iterable[ClockedEntry], on_damage: Callable[[Damage], object]
    ) -> Iterator[SelectedMessage | None]:
        """Yield the messages to publish with the recording's clock; pass damages to `on_damage`.

        It yields None after a while without a message, so that the caller can do other work. It
        skips notices: a client produced them, and the replay's clients produce their own.
        """
        skipped = 0
        for at_ns, what in entries:
            if isinstance(what, Damage):
                on_damage(what)
            elif what.kind != NOTICE and (chosen := self._selected(at_ns, what)) is not None:
                skipped = 0
                yield chosen
                continue
            if self._conflict is not None:
                on_damage(_conflict_damage(at_ns, *self._conflict))
                self._conflict = None
            skipped += 1
            if skipped == YIELD_EVERY:
                skipped = 0
                yield None

    def _selected(self, at_ns: int, record: BlockRecord) -> SelectedMessage | None:
        """Return a record's message; None if its topic is not wanted, or it was sent before."""
        topic, payload = record.topic, record.payload
        wanted = self._topics.get(topic)
        if wanted is None:
            wanted = self._topics[topic] = self._wanted(topic)
        if not wanted:
            return None
        try:
            numbers = _numbers(payload)
        except UNREADABLE:  # it was published, whatever it is
            return SelectedMessage(at_ns, record.kind, topic, payload, 0, 0)
        session, seq = numbers.session, numbers.seq
        sent = self._sent.get((topic, session))
        if sent is None:
            sent = self._sent[topic, session] = _Sent()
        if not sent.add(seq):
            if sent.differs(seq, payload):
                self._conflict = (topic, session, seq)
            return None
        sent.recent[seq % COMPARED] = payload
        if topic.startswith(STATUS_PREFIX):
            payload = with_next_seqs_of(payload, self._wanted)
        return SelectedMessage(at_ns, record.kind, topic, payload, session, seq)

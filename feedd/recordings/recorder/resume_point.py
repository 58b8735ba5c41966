"""Where an exchange's series of segments ended: so that the next recorder goes on there.

Only the end of it is read: the last minute of its clock, and all of a recorder that had run for
less, with the last minute of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from feedd.client.events import Gap, NewSession
from feedd.clock import NS_PER_MS, NS_PER_S, iso8601
from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, NOTICE
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.segment_reader import SegmentReader
from feedd.recordings.format.segment_schema import SUFFIX
from feedd.recordings.recorder.record_decoding import MessageNumbers, decode_notice, decode_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.recordings.format.block_records import BlockRecord
    from feedd.recordings.format.segment_reader import SegmentExtent

# Longer than a hole waits for its repair, and a recorder that is held up besides: of a topic of
# which nothing stands in it, all that was published before was recorded, or told to be missing.
TAIL_NS = 60 * NS_PER_S
MOST_SEGMENTS = 100  # that are looked into: each start of a recorder begins one
STATUS = b"status."


@dataclass
class ResumePoint:
    """A series' end. `ends` has by topic its session, and the seq that is next.

    `clock_ns` is the recording's at its last whole block, `torn` the bytes behind that;
    `finished`: its last recorder was stopped, and did not just end.
    """

    path: Path
    clock_ns: int
    torn: int
    finished: bool
    ends: dict[str, tuple[int, int]] = field(default_factory=dict)

    def text(self, now_ns: int) -> str:
        """Say what is missing up to now."""
        last, now = (iso8601(ns // NS_PER_MS) for ns in (self.clock_ns, now_ns))
        how = "was stopped" if self.finished else "ended without its index"
        torn = f", with {self.torn:,} torn bytes behind that" if self.torn else ""
        return (
            f"{self.path.name} {how} at {last}{torn}: what was published from then to {now} is "
            "repaired where the history still has it, and a gap where not; of a session that ended "
            "meanwhile nobody has its end, nor says how long it was"
        )


def find_resume_point(folder: Path) -> ResumePoint | None:
    """Return where the series in an exchange's folder ended; None where there is none.

    Raises OSError for what can't be read.
    """
    parts = _parts(folder)
    if not parts:
        return None
    newest = parts[0]
    extent = newest.extent
    torn = extent.size - extent.whole
    end = ResumePoint(newest.segment.path, newest.clock_ns, torn, extent.finished)
    tail = _Tail()
    for part in reversed(parts):
        for one in part.segment.records(part.from_ns):
            if not isinstance(one, Damage):
                tail.take(one)
    end.ends = tail.ends()
    return end


class _Part(NamedTuple):
    """A segment that has some of the end, from a time of its clock on; None: all of it."""

    segment: SegmentReader
    extent: SegmentExtent
    clock_ns: int
    from_ns: int | None


def _parts(folder: Path) -> list[_Part]:
    """Return the segments that have the end of the series, the newest first.

    A recorder that was just begun repairs what the one before it missed, each topic when its turn
    comes: its clock, and what the feeds' statuses say, may be far ahead of what it has of a topic.
    """
    parts: list[_Part] = []
    for path in sorted(folder.glob(f"*/*{SUFFIX}"), reverse=True)[:MOST_SEGMENTS]:
        try:
            segment = SegmentReader(path)
        except ConfigError:
            continue  # none of ours
        extent = segment.extent()
        if segment.meta is None and extent.last_ns is None:
            continue  # not even its head was written
        clock_ns = segment.begun_ns if extent.last_ns is None else extent.last_ns
        from_ns = clock_ns - TAIL_NS
        live_ns = _first_live_ns(segment)
        if live_ns is not None and live_ns <= from_ns:
            parts.append(_Part(segment, extent, clock_ns, from_ns))
            break
        parts.append(_Part(segment, extent, clock_ns, None))
    return parts


def _first_live_ns(segment: SegmentReader) -> int | None:
    """Return when a segment began by what came live: nothing of that was published before."""
    for one in segment.records():
        if not isinstance(one, Damage) and one.kind == LIVE:
            return one.ns
    return None


class _Tail:
    """Takes the last records of a series in their order."""

    def __init__(self) -> None:
        self._last: dict[str, bytes | tuple[int, int]] = {}  # a payload, or where a gap ended
        self._begun: dict[str, int] = {}  # by feed, the session that the recorder saw begin
        self._first: dict[str, MessageNumbers] = {}  # by feed, the first status of its last session

    def take(self, record: BlockRecord) -> None:
        if record.kind == NOTICE:
            told = decode_notice(record.topic, record.payload)
            if isinstance(told, Gap):
                self._last[told.topic] = (told.session, told.to_seq + 1)
            elif isinstance(told, NewSession):
                self._begun[told.feed] = told.new
            return
        name = record.topic.decode("ascii", "replace")
        self._last[name] = record.payload
        if record.topic.startswith(STATUS):
            said = decode_numbers(record.payload)
            feed = _feed(name)
            if said is not None and said.session != getattr(self._first.get(feed), "session", None):
                self._first[feed] = said

    def ends(self) -> dict[str, tuple[int, int]]:
        known = {name: end for name, last in self._last.items() if (end := _end(last)) is not None}
        sessions: dict[str, int] = {}
        for name, (session, _) in known.items():
            feed = _feed(name)
            sessions[feed] = max(session, sessions.get(feed, session))
        sessions |= self._begun
        found: dict[str, tuple[int, int]] = {}
        for feed, status in self._first.items():
            if status.session == sessions.get(feed):
                begun = self._begun.get(feed) == status.session  # all of it stands in the tail
                found |= {
                    name: (status.session, 1 if begun else seq)
                    for name, seq in status.next_seq.items()
                    if _feed(name) == feed
                }
        for name, (session, seq) in known.items():
            current = sessions[_feed(name)]
            if session == current:
                found[name] = (session, seq)
            elif self._begun.get(_feed(name)) == current:
                found[name] = (current, 1)
        return found


def _feed(topic: str) -> str:
    return topic.partition(".")[2]


def _end(last: bytes | tuple[int, int]) -> tuple[int, int] | None:
    if isinstance(last, tuple):
        return last
    found = decode_numbers(last)
    return None if found is None else (found.session, found.seq + 1)

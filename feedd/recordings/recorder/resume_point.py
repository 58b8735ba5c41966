"""Resume point: where an exchange's series of segments ended, and the next recorder continues.

It reads only the end of the series: the last minute of its clock. If the last recorder ran for
less, it reads all of that, and the last minute of the one before.
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

# Longer than a gap waits for its repair, even in a stalled recorder. If a topic has no record in
# it, everything published before was recorded or reported missing.
TAIL_NS = 60 * NS_PER_S
MAX_SEGMENTS = 100  # that are read: each start of a recorder begins one
STATUS = b"status."


@dataclass
class ResumePoint:
    """End of a series. `ends` maps each topic to its session and next seq.

    `clock_ns` is the recording's clock at the last whole block, `torn` the number of bytes after
    that block. `finished`: the last recorder was stopped, and did not crash.
    """

    path: Path
    clock_ns: int
    torn: int
    finished: bool
    ends: dict[str, tuple[int, int]] = field(default_factory=dict)

    def text(self, now_ns: int) -> str:
        """Describe what is missing up to now."""
        last, now = (iso8601(ns // NS_PER_MS) for ns in (self.clock_ns, now_ns))
        how = "was stopped" if self.finished else "ended without an index"
        torn = f", followed by {self.torn:,} torn bytes" if self.torn else ""
        return (
            f"{self.path.name} {how} at {last}{torn}: messages published from then to {now} are "
            "repaired from the history, or a gap where it no longer has them; if a session ended "
            "meanwhile, its last messages and their number are unknown"
        )


def find_resume_point(folder: Path) -> ResumePoint | None:
    """Return where the series in an exchange's folder ended; None if there is none.

    Raises OSError if a file can't be read.
    """
    parts = _parts(folder)
    if not parts:
        return None
    newest = parts[0]
    extent = newest.extent
    torn = extent.size - extent.whole
    point = ResumePoint(newest.segment.path, newest.clock_ns, torn, extent.finished)
    tail = _Tail()
    for part in reversed(parts):
        for one in part.segment.records(part.from_ns):
            if not isinstance(one, Damage):
                tail.add(one)
    point.ends = tail.ends()
    return point


class _Part(NamedTuple):
    """A segment that is part of the end, from a time of its clock on; None: all of it."""

    segment: SegmentReader
    extent: SegmentExtent
    clock_ns: int
    from_ns: int | None


def _parts(folder: Path) -> list[_Part]:
    """Return the segments with the end of the series, the newest first.

    A new recorder repairs what the previous one missed, topic by topic. So its clock and the feeds'
    statuses may be far ahead of the records of a topic.
    """
    parts: list[_Part] = []
    for path in sorted(folder.glob(f"*/*{SUFFIX}"), reverse=True)[:MAX_SEGMENTS]:
        try:
            segment = SegmentReader(path)
        except ConfigError:
            continue  # not a recording
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
    """Return the time of a segment's first live message: no earlier one was published live."""
    for one in segment.records():
        if not isinstance(one, Damage) and one.kind == LIVE:
            return one.ns
    return None


class _Tail:
    """Collects the ends of topics from the last records of a series, in order."""

    def __init__(self) -> None:
        self._last: dict[str, bytes | tuple[int, int]] = {}  # a payload, or the end of a gap
        self._started: dict[str, int] = {}  # by feed, the session whose start was recorded
        self._first: dict[str, MessageNumbers] = {}  # by feed, the first status of its last session

    def add(self, record: BlockRecord) -> None:
        if record.kind == NOTICE:
            found = decode_notice(record.topic, record.payload)
            if isinstance(found, Gap):
                self._last[found.topic] = (found.session, found.to_seq + 1)
            elif isinstance(found, NewSession):
                self._started[found.feed] = found.new
            return
        name = record.topic.decode(errors="replace")
        self._last[name] = record.payload
        if record.topic.startswith(STATUS):
            status = decode_numbers(record.payload)
            feed = _feed(name)
            if status is not None and status.session != getattr(
                self._first.get(feed), "session", None
            ):
                self._first[feed] = status

    def ends(self) -> dict[str, tuple[int, int]]:
        known = {name: end for name, last in self._last.items() if (end := _end(last)) is not None}
        sessions: dict[str, int] = {}
        for name, (session, _) in known.items():
            feed = _feed(name)
            sessions[feed] = max(session, sessions.get(feed, session))
        sessions |= self._started
        found: dict[str, tuple[int, int]] = {}
        for feed, status in self._first.items():
            if status.session == sessions.get(feed):
                is_whole = self._started.get(feed) == status.session  # the tail contains all of it
                found |= {
                    name: (status.session, 1 if is_whole else seq)
                    for name, seq in status.next_seq.items()
                    if _feed(name) == feed
                }
        for name, (session, seq) in known.items():
            current = sessions[_feed(name)]
            if session == current:
                found[name] = (session, seq)
            elif self._started.get(_feed(name)) == current:
                found[name] = (current, 1)
        return found


def _feed(topic: str) -> str:
    return topic.partition(".")[2]


def _end(last: bytes | tuple[int, int]) -> tuple[int, int] | None:
    if isinstance(last, tuple):
        return last
    found = decode_numbers(last)
    return None if found is None else (found.session, found.seq + 1)

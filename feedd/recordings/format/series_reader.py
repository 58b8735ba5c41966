"""Series reader: the segments that one recorder wrote of one exchange, as one sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from feedd.recordings.format.block_records import LIVE, REPLAYED, BlockRecord
from feedd.recordings.format.damage import Damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.recordings.format.segment_reader import SegmentReader

_CLOCKED = (LIVE, REPLAYED)


class ClockedEntry(NamedTuple):
    """A record, or a damage in its place, with the recording's clock there, in ns."""

    at_ns: int
    what: BlockRecord | Damage


class SeriesReader:
    """The segments of a series, in order."""

    def __init__(self, segments: Iterable[SegmentReader]) -> None:
        self.segments = sorted(segments, key=_begun_ns)

    @property
    def begun_ns(self) -> int:
        """Begin of the first segment with a readable one; 0 if there is none."""
        return next(filter(None, map(_begun_ns, self.segments)), 0)

    def entries(
        self, from_ns: int | None = None, to_ns: int | None = None
    ) -> Iterator[ClockedEntry]:
        """Yield the entries from `from_ns` to `to_ns` of the clock, inclusive; None: no limit."""
        clock_ns = self.begun_ns
        for number, segment in enumerate(self.segments):
            following = self.segments[number + 1 : number + 2]
            ends_ns = _begun_ns(following[0]) if following else None
            clock_ns = max(clock_ns, _begun_ns(segment))
            if not _begun_ns(segment):
                ends_ns = None  # unknown before which of the others it was written
            for one in segment.records(from_ns, to_ns):
                if isinstance(one, Damage):
                    what = one if one.to_ns else msgspec.structs.replace(one, to_ns=ends_ns)
                    if _touches(what, from_ns, to_ns):
                        yield ClockedEntry(max(clock_ns, what.from_ns or 0), what)
                    clock_ns = max(clock_ns, one.to_ns or 0)
                    continue
                if one.ns > clock_ns and one.kind in _CLOCKED:
                    clock_ns = one.ns
                if to_ns is not None and clock_ns > to_ns:
                    return
                if from_ns is None or clock_ns >= from_ns:
                    yield ClockedEntry(clock_ns, one)


def _touches(damage: Damage, from_ns: int | None, to_ns: int | None) -> bool:
    """Return whether a damage may overlap a range."""
    begins_in_time = to_ns is None or damage.from_ns is None or damage.from_ns <= to_ns
    ends_in_time = from_ns is None or damage.to_ns is None or damage.to_ns >= from_ns
    return begins_in_time and ends_in_time


def _begun_ns(segment: SegmentReader) -> int:
    return segment.begun_ns

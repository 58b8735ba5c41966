"""Whole recordings: files and folders of segments in the order of time, several merged into one."""

from __future__ import annotations

import heapq
import os
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import msgspec

from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, REPLAYED, BlockRecord
from feedd.recordings.format.segment_reader import Damage, SegmentReader
from feedd.recordings.format.segment_writer import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class ClockedEntry(NamedTuple):
    """A record, or a damage in its place, and what the recording's clock says there, in ns."""

    at_ns: int
    what: BlockRecord | Damage


class SeriesReader:
    """The segments that one recorder wrote of one exchange, in their order."""

    def __init__(self, segments: Iterable[SegmentReader]) -> None:
        self.segments = sorted(segments, key=_begun_ns)

    @property
    def begun_ns(self) -> int:
        """When the first of them begins of which that can be read; 0 where there is none."""
        return next(filter(None, map(_begun_ns, self.segments)), 0)

    def entries(
        self, from_ns: int | None = None, to_ns: int | None = None
    ) -> Iterator[ClockedEntry]:
        """Yield what the clock has from `from_ns` to `to_ns`, both included; None: all."""
        clock_ns = self.begun_ns
        for number, segment in enumerate(self.segments):
            following = self.segments[number + 1 : number + 2]
            ends_ns = _begun_ns(following[0]) if following else None
            clock_ns = max(clock_ns, _begun_ns(segment))
            if not _begun_ns(segment):
                ends_ns = None  # nothing says before which of the others it was written
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


class RecordingReader:
    """All that some files and folders hold; folders with all that is below them.

    A file that is named twice, or in a folder besides, is read once. Raises ConfigError where
    there is none, for a file that is none, and for a folder that can't be read.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.series: list[SeriesReader] = []
        named: set[Path] = set()
        for path in paths:
            self.series += _series(path, named)
        if not self.series:
            raise ConfigError("name a recording: a file, or a folder of them")

    @property
    def begun_ns(self) -> int:
        """When the first of them begins of which that can be read; 0 where there is none."""
        return min(filter(None, (series.begun_ns for series in self.series)), default=0)

    @property
    def ended_ns(self) -> int:
        """When the last of them ends, as far as can be read."""
        return max(segment.ended_ns for series in self.series for segment in series.segments[-1:])

    def entries(
        self, from_ns: int | None = None, to_ns: int | None = None
    ) -> Iterator[ClockedEntry]:
        """Yield all in the order of their clocks, each series in its own order."""
        parts = [series.entries(from_ns, to_ns) for series in self.series]
        return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=attrgetter("at_ns"))


def _series(path: Path, named: set[Path]) -> list[SeriesReader]:
    """Return a file's or a folder's series, one for each exchange, without what is `named`."""
    files = [path] if path.is_file() else _files(path)
    new = [file for file in files if file.resolve() not in named]
    named.update(file.resolve() for file in new)
    if path.is_file():
        return [SeriesReader([SegmentReader(file)]) for file in new]
    readers: dict[str, list[SegmentReader]] = {}
    headless: list[SegmentReader] = []  # damaged, so that they don't say of which exchange they are
    for file in new:
        reader = SegmentReader(file, known=True)
        if reader.meta is None:
            headless.append(reader)
        else:
            readers.setdefault(reader.meta.exchange, []).append(reader)
    if headless:
        exchange = next(iter(readers)) if len(readers) == 1 else ""
        readers.setdefault(exchange, []).extend(headless)
    return [SeriesReader(segments) for segments in readers.values()]


def _files(folder: Path) -> list[Path]:
    """Return the segments below a folder; raise ConfigError where there is none, or a doubt."""

    def unreadable(error: OSError) -> NoReturn:  # else os.walk would go on without a word
        raise ConfigError(f"{error.filename}: can't be read: {error.strerror}")

    found = [
        Path(parent, name)
        for parent, _, names in os.walk(folder, onerror=unreadable)
        for name in names
        if name.endswith(SUFFIX)
    ]
    if not found:
        raise ConfigError(f"{folder}: there is no recording (*{SUFFIX})")
    return sorted(found)


def _touches(damage: Damage, from_ns: int | None, to_ns: int | None) -> bool:
    """Return whether a damage may have cost something of a range."""
    begins_in_time = to_ns is None or damage.from_ns is None or damage.from_ns <= to_ns
    ends_in_time = from_ns is None or damage.to_ns is None or damage.to_ns >= from_ns
    return begins_in_time and ends_in_time


def _begun_ns(segment: SegmentReader) -> int:
    return segment.begun_ns


_CLOCKED = (LIVE, REPLAYED)

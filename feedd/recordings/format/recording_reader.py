"""Recording reader: all recordings in some files and folders, merged by their clocks."""

from __future__ import annotations

import heapq
import os
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from feedd.errors import ConfigError
from feedd.recordings.format.segment_reader import SegmentReader
from feedd.recordings.format.segment_schema import SUFFIX
from feedd.recordings.format.series_reader import SeriesReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.recordings.format.series_reader import ClockedEntry


class RecordingReader:
    """All recordings in some files and folders; folders are searched recursively.

    A file that is named twice is read once. Raises ConfigError if there is no recording, for a file
    that is not one, and for a folder that can't be read.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.series: list[SeriesReader] = []
        named: set[Path] = set()
        for path in paths:
            self.series += _series(path, named)
        if not self.series:
            raise ConfigError("name a recording: a file, or a folder with recordings")

    @property
    def begun_ns(self) -> int:
        """Begin of the first series with a readable one; 0 if there is none."""
        return min(filter(None, (series.begun_ns for series in self.series)), default=0)

    @property
    def ended_ns(self) -> int:
        """Time of the last readable record."""
        return max(segment.ended_ns for series in self.series for segment in series.segments[-1:])

    def entries(
        self, from_ns: int | None = None, to_ns: int | None = None
    ) -> Iterator[ClockedEntry]:
        """Yield all entries in the order of their clocks, those of a series in its order."""
        parts = [series.entries(from_ns, to_ns) for series in self.series]
        return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=attrgetter("at_ns"))


def _series(path: Path, named: set[Path]) -> list[SeriesReader]:
    """Return the series of a file or a folder, one per exchange, without files in `named`."""
    files = [path] if path.is_file() else _files(path)
    new = [file for file in files if file.resolve() not in named]
    named.update(file.resolve() for file in new)
    if path.is_file():
        return [SeriesReader([SegmentReader(file)]) for file in new]
    readers: dict[str, list[SegmentReader]] = {}
    headless: list[SegmentReader] = []  # damaged, so that their exchange is unknown
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
    """Return the segments in a folder; raise ConfigError if there is none or one can't be read."""

    def unreadable(error: OSError) -> NoReturn:  # os.walk would silently continue
        raise ConfigError(f"{error.filename}: can't be read: {error.strerror}")

    found = [
        Path(parent, name)
        for parent, _, names in os.walk(folder, onerror=unreadable)
        for name in names
        if name.endswith(SUFFIX)
    ]
    if not found:
        raise ConfigError(f"{folder}: has no recording (*{SUFFIX})")
    return sorted(found)

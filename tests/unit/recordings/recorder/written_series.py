"""Series of segments in a test's folder, and what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unit.client.simulated import EXCHANGE, Frames

from feedd.config.settings import RecorderSettings
from feedd.recordings.format.block_records import LIVE, BlockRecord
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.segment_reader import SegmentReader
from feedd.recordings.recorder.series_writer import SeriesWriter

NS = 1_700_000_000_000_000_000


class Said:
    """A log that keeps its messages."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def info(self, event: str, **_: Any) -> None:
        self.events.append(event)

    warning = error = info


def made(
    root: Path, clock_ns: int | None = None, said: Said | None = None, **settings: Any
) -> SeriesWriter:
    return SeriesWriter(root, EXCHANGE, RecorderSettings(**settings), clock_ns, said or Said())


def add(series: SeriesWriter, *messages: Frames, ns: int = NS) -> None:
    for at, frames in enumerate(messages):
        series.add(ns + at, LIVE, *frames)


def segments(root: Path) -> list[SegmentReader]:
    return [SegmentReader(path) for path in sorted(root.rglob("*.feedd"))]


def records_so_far(root: Path) -> list[BlockRecord]:
    found = [one for segment in segments(root) for one in segment.records()]
    return [one for one in found if isinstance(one, BlockRecord)]


def records(root: Path) -> list[BlockRecord]:
    found = [one for segment in segments(root) for one in segment.records()]
    assert not [one for one in found if isinstance(one, Damage)]
    return records_so_far(root)

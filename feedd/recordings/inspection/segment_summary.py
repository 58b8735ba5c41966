"""Summaries of a recording's files, from their metadata and headers, without their messages."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  msgspec reads the annotations
from typing import TYPE_CHECKING

from msgspec import Struct

from feedd.recordings.format import chunks

if TYPE_CHECKING:
    from feedd.recordings.format.recording_reader import RecordingReader
    from feedd.recordings.format.segment_reader import SegmentReader


class SegmentSummary(Struct, frozen=True):
    """One file. `ended` is the reason of its end; None: it is unfinished, or its end is damaged.

    `begun_ns` is 0 if nothing of it can be read. `records` and `raw_bytes`, uncompressed, are those
    of whole blocks; `size_bytes` is the file's.
    """

    path: Path
    exchange: str | None  # None if the head is damaged
    made_by: str | None
    begun_ns: int
    last_ns: int
    blocks: int
    records: int
    size_bytes: int
    raw_bytes: int
    ended: str | None


def summarize_segments(recording: RecordingReader) -> list[SegmentSummary]:
    """Summarize all files of a recording, in the order of their begin."""
    readers = [reader for series in recording.series for reader in series.segments]
    return sorted((_segment(reader) for reader in readers), key=lambda one: one.begun_ns)


def _segment(reader: SegmentReader) -> SegmentSummary:
    heads = [head for head in reader.headers() if head.kind == chunks.BLOCK]
    index, meta = reader.index(), reader.meta
    begun_ns = reader.begun_ns
    return SegmentSummary(
        path=reader.path,
        exchange=None if meta is None else meta.exchange,
        made_by=None if meta is None else meta.made_by,
        begun_ns=begun_ns,
        last_ns=max((head.last_ns for head in heads), default=begun_ns),
        blocks=len(heads),
        records=sum(head.records for head in heads),
        size_bytes=reader.path.stat().st_size,
        raw_bytes=sum(head.raw_length for head in heads),
        ended=None if index is None else index.ended,
    )

"""Implementation of `feedd export`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tqdm import tqdm

from feedd.errors import ConfigError
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.timestamps import parse_time
from feedd.recordings.format.unmatched_prefixes import unmatched_lines
from feedd.recordings.tables.export import Export

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from feedd.recordings.tables.forms import Form


def run_export(
    paths: Sequence[Path],
    out: Path,
    form: Form,
    *,
    topics: Sequence[str] = ("",),
    from_time: str | None = None,
    to_time: str | None = None,
    force: bool = False,
) -> int:
    """Export, and print the number of rows of each table; return 0.

    `topics` are prefixes. The times are those of `parse_time`, both inclusive.
    """
    recording = RecordingReader(paths)
    begun_ns = recording.begun_ns
    times = (from_time, to_time)
    from_ns, to_ns = (None if time is None else parse_time(time, begun_ns) for time in times)
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise ConfigError(f"--from {from_time} is after --to {to_time}")
    export = Export(out, form, prefixes=topics, force=force)
    total = None if from_ns or to_ns else _records(recording)
    with export, tqdm(
        total=total, unit=" records", unit_scale=True, disable=not sys.stderr.isatty()
    ) as bar:  # fmt: skip
        export.run(recording.entries(from_ns, to_ns), bar.update)
        written = export.rows
        unmatched = unmatched_lines(topics, export.topics)
        if not any(written.values()):
            raise ConfigError(
                "nothing to export: no message of these topics in this time range, and no gap"
                + "".join(f"; {line}" for line in unmatched)
            )
        export.publish()
    for line in unmatched:
        print(f"feedd: {line}", file=sys.stderr)
    width = max(len(str(path)) for path in written)
    for path, rows in written.items():
        print(f"{path!s:{width}}  {rows:>12,} rows")
    if export.damages:
        print(
            f"feedd: {export.damages} damaged ranges; the table gaps lists them as Damage",
            file=sys.stderr,
        )
    return 0


def _records(recording: RecordingReader) -> int | None:
    """Return the number of records; None if a segment has no index."""
    total = 0
    for series in recording.series:
        for segment in series.segments:
            index = segment.index()
            if index is None:
                return None
            total += sum(block.records for block in index.blocks)
    return total

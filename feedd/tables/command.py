"""The command `feedd export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from feedd.errors import ConfigError
from feedd.recording.recording import Recording
from feedd.recording.times import parse_time
from feedd.tables.export import FORMS, Export

if TYPE_CHECKING:
    import argparse


def add_export(commands: Any) -> None:
    """Add `export` to the commands."""
    export = commands.add_parser(
        "export", help="write a recording as tables, one for each channel (docs/tables.md)"
    )
    export.add_argument(
        "paths", nargs="+", metavar="PATH", type=_path, help="recordings: files, or folders of them"
    )
    export.add_argument(
        "--format", required=True, choices=FORMS, help="parquet needs pyarrow: make research"
    )
    export.add_argument(
        "--out", required=True, metavar="DIR", type=_path, help="the tables' folder"
    )
    export.add_argument(
        "--topics", nargs="+", default=[""], metavar="PREFIX",
        help="only these, e.g. quote. trade.binanceusdm.BTC; all gaps are told in any case",
    )  # fmt: skip
    export.add_argument(
        "--from", dest="from_time", metavar="TIME",
        help="published from then on: 2026-11-25T13:00:00Z, or 13:00 on the recording's first day",
    )  # fmt: skip
    export.add_argument("--to", dest="to_time", metavar="TIME", help="published until then")
    export.add_argument(
        "--force", action="store_true", help="replace the tables of this format in DIR"
    )
    export.set_defaults(run=run_export)


def run_export(arguments: argparse.Namespace) -> int:
    """Export, and say how many rows each table has; return 0."""
    recording = Recording(arguments.paths)
    begun_ns = recording.begun_ns
    times = (arguments.from_time, arguments.to_time)
    from_ns, to_ns = (None if time is None else parse_time(time, begun_ns) for time in times)
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise ConfigError(f"--from {arguments.from_time} is after --to {arguments.to_time}")
    export = Export(
        arguments.out, arguments.format, prefixes=arguments.topics, force=arguments.force
    )
    total = None if from_ns or to_ns else _records(recording)
    with export, tqdm(
        total=total, unit=" records", unit_scale=True, disable=not sys.stderr.isatty()
    ) as bar:  # fmt: skip
        export.run(recording.entries(from_ns, to_ns), bar.update)
        written = export.rows
        if not any(written.values()):
            raise ConfigError(
                "there is nothing to export: no message of these topics in this time, and no gap"
            )
        export.publish()
    width = max(len(str(path)) for path in written)
    for path, rows in written.items():
        print(f"{path!s:{width}}  {rows:>12,} rows")
    if export.damages:
        print(
            f"feedd: {export.damages} damaged ranges; they stand in the table gaps as Damage",
            file=sys.stderr,
        )
    return 0


def _records(recording: Recording) -> int | None:
    """Return how many records there are; None where a segment has no index."""
    total = 0
    for series in recording.series:
        for segment in series.segments:
            index = segment.index()
            if index is None:
                return None
            total += sum(block.records for block in index.blocks)
    return total


def _path(text: str) -> Path:
    return Path(text).resolve()  # before the command goes to the project's root

"""`feedd inspect`: describe a recording."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from feedd.cli.arguments import path
from feedd.cli.command import Command, never
from feedd.errors import ConfigError
from feedd.operation.table import wants_colours
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.timestamps import parse_time
from feedd.recordings.inspection import inspection_report
from feedd.recordings.inspection.segment_summary import summarize_segments
from feedd.recordings.inspection.survey import Survey
from feedd.recordings.inspection.time_bins import TimeBins
from feedd.runtime.terminal import encodable

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", type=path, help="files of the recording, or folders"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--png", metavar="FILE", type=path, help="also plot prices and rates, with gaps shaded"
    )
    for option, name in (("--from", "from_"), ("--to", "to")):
        parser.add_argument(
            option,
            dest=name,
            metavar="TIME",
            help="2026-11-25T13:00:00Z, or 13:00 on the recording's first day",
        )


def _run(arguments: argparse.Namespace) -> int:
    recording = RecordingReader(arguments.paths)
    from_ns, to_ns = (
        None if text is None else parse_time(text, recording.begun_ns)
        for text in (arguments.from_, arguments.to)
    )
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise ConfigError(f"--from {arguments.from_} is after --to {arguments.to}")
    files = summarize_segments(recording)
    bins = None
    if arguments.png is not None:
        from feedd.recordings.inspection import chart  # noqa: PLC0415  matplotlib, and only for it

        begin_ns, end_ns = recording.begun_ns, max(one.last_ns for one in files)
        bins = TimeBins(
            begin_ns if from_ns is None else max(begin_ns, from_ns),
            end_ns if to_ns is None else min(end_ns, to_ns),
        )
    survey = Survey(recording, from_ns, to_ns, bins)
    if arguments.json:
        text = msgspec.json.encode(inspection_report.as_json(survey, files), enc_hook=encodable)
        print(msgspec.json.format(text, indent=2).decode())
    else:
        print(inspection_report.table(survey, files, colours=wants_colours(sys.stdout)))
    if bins is not None:
        chart.draw(bins, survey.damages.kept, arguments.png)
        print(f"drew {arguments.png}", file=sys.stderr)
    return 1 if survey.damages.total else 0


COMMAND = Command(_run, _add_arguments, never)

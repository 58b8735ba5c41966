"""The command `feedd export`: its arguments, without what it takes to run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedd.recordings.tables.forms import FORMS

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
    export.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # No other command should wait for what this one imports.
    from feedd.recordings.tables.run import run_export  # noqa: PLC0415

    return run_export(arguments)


def _path(text: str) -> Path:
    return Path(text).resolve()  # before the command goes to the project's root

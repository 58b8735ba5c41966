"""`feedd export`: write a recording as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.arguments import path
from feedd.cli.command import Command, never
from feedd.errors import ConfigError
from feedd.recordings.tables.forms import FORMS
from feedd.recordings.tables.run import run_export
from feedd.topic_prefixes import check_prefixes

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", type=path, help="recordings: files, or folders of them"
    )
    parser.add_argument(
        "--format", required=True, choices=FORMS, help="parquet needs the extra feedd[research]"
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", type=path, help="the folder to write the tables to"
    )
    parser.add_argument(
        "--topics", nargs="+", default=[""], metavar="PREFIX",
        help="only these, e.g. quote. trade.<exchange>.BTC; gaps are exported in any case",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="from_time", metavar="TIME",
        help="published at or after TIME, 2026-11-25T13:00Z or 13:00 on the recording's first day",
    )  # fmt: skip
    parser.add_argument("--to", dest="to_time", metavar="TIME", help="published at or before TIME")
    parser.add_argument(
        "--force", action="store_true", help="replace the tables of this format in DIR"
    )


def _run(arguments: argparse.Namespace) -> int:
    try:
        check_prefixes(arguments.topics)
    except ConfigError as error:
        raise ConfigError(f"nothing to export: {error}") from None
    return run_export(
        arguments.paths,
        arguments.out,
        arguments.format,
        topics=arguments.topics,
        from_time=arguments.from_time,
        to_time=arguments.to_time,
        force=arguments.force,
    )


COMMAND = Command(_run, _add_arguments, never)

"""`feedd help`: print the help of a command, or of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command, never
from feedd.cli.commands import COMMANDS

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", choices=[row.name for row in COMMANDS], metavar="COMMAND",
        help="default: all commands",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    from feedd.cli.main import make_parser  # noqa: PLC0415  main loads this module

    words = [] if arguments.name is None else [arguments.name]
    make_parser().parse_args([*words, "--help"])  # which exits
    return 0


COMMAND = Command(_run, _add_arguments, never)

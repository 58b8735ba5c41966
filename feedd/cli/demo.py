"""`feedd demo`: run everything on the embedded exchange and print ticks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from feedd.cli.command import Command, never
from feedd.operation.demo import run_demo

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--faults", action="store_true",
        help="play faults in turn: a worker dies, the exchange disconnects or falls silent, …",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    given = Path(arguments.config) if arguments.config else None
    return run_demo(given, faults=arguments.faults)


COMMAND = Command(_run, _add_arguments, needs_project=never)

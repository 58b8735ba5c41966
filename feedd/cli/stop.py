"""`feedd stop`: stop everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.cli.output import print_now
from feedd.operation.shutdown import stop

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true",
        help="also what this folder runs without supervisord: demos, replays, recorders, load "
        "tests, and workers that were left behind",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    if arguments.all:
        from feedd.operation.stop_everything import stop_everything  # noqa: PLC0415  psutil is slow

        stop_everything(arguments.root, print_now)
        return 0
    stopped = stop(arguments.root)
    print_now("stopped" if stopped else "feedd is not running here")
    return 0


COMMAND = Command(_run, _add_arguments, leaves_processes=True)

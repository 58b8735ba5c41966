"""`feedd stop`: stop everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.cli.output import print_now
from feedd.operation.shutdown import stop

if TYPE_CHECKING:
    import argparse


def _run(arguments: argparse.Namespace) -> int:
    stopped = stop(arguments.root)
    print_now("stopped" if stopped else "feedd is not running here")
    return 0


COMMAND = Command(_run, leaves_processes=True)

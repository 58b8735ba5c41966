"""`feedd demo`: run everything on the embedded exchange and print ticks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from feedd.cli.command import Command, never
from feedd.operation.demo import run_demo

if TYPE_CHECKING:
    import argparse


def _run(arguments: argparse.Namespace) -> int:
    return run_demo(Path(arguments.config) if arguments.config else None)


COMMAND = Command(_run, needs_project=never)

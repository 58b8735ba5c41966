"""`feedd init`: make a project folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from feedd.cli.command import Command, never
from feedd.supervision.project import create_project

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="new, or empty")


def _run(arguments: argparse.Namespace) -> int:
    create_project(arguments.folder)
    print(f"made {arguments.folder}: cd there, edit config/feedd.yaml, then run feedd start")
    return 0


COMMAND = Command(_run, _add_arguments, never)

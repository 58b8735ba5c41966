"""`feedd init`: a new project folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedd.supervision.project import create_project

if TYPE_CHECKING:
    import argparse


def add_init(commands: Any) -> None:
    """Add the command."""
    init = commands.add_parser("init", help="make a project folder: supervisord.conf, config/")
    init.add_argument("folder", type=Path, metavar="DIR", help="new, or empty")
    init.set_defaults(run=_init, needs_project=False)


def _init(arguments: argparse.Namespace) -> int:
    folder = arguments.folder
    create_project(folder)
    print(f"made {folder}: cd there, edit config/feedd.yaml, then run feedd start")
    return 0

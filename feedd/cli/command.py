"""Definition of a command: each command's module has one as `COMMAND`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def _always(_arguments: argparse.Namespace) -> bool:
    return True


def never(_arguments: argparse.Namespace) -> bool:
    """Return False: the `needs_project` of a command that works in any folder."""
    return False


def without_endpoint(arguments: argparse.Namespace) -> bool:
    """Whether `--endpoint` is absent: the `needs_project` of a command that then needs one."""
    return arguments.endpoint is None


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand.

    `run` returns the exit code. `add_arguments` adds its arguments to its parser. `needs_project`
    decides from the parsed arguments whether the command runs in a project: then `main` changes to
    the project's root, stores it as `arguments.root`, and fails if there is none.
    `leaves_processes`: Ctrl-C ends the command and not the processes that it started.
    """

    run: Callable[[argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments
    needs_project: Callable[[argparse.Namespace], bool] = _always
    leaves_processes: bool = False

"""`feedd completion`: print the completion script of a shell."""

from __future__ import annotations

import argparse
from typing import Any

from feedd.cli.arguments import path
from feedd.cli.command import Command, never
from feedd.errors import ConfigError

SHELLS = ("bash", "zsh")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell", choices=SHELLS,
        help='e.g. eval "$(feedd completion bash)" in ~/.bashrc',
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    try:
        import shtab  # noqa: PLC0415  no other command needs it
    except ImportError:
        raise ConfigError("completion needs shtab; run: pip install 'feedd[server]'") from None
    from feedd.cli.main import CommandParser, make_parser  # noqa: PLC0415  main loads this module

    parser = make_parser()
    for action in _actions(parser):
        for command in (action.choices or {}).values() if action.nargs == argparse.PARSER else ():
            if isinstance(command, CommandParser):
                command.load()
                _complete_files(command, shtab.FILE)
    _complete_files(parser, shtab.FILE)
    print(shtab.complete(parser, arguments.shell))
    return 0


def _complete_files(parser: argparse.ArgumentParser, files: Any) -> None:
    for action in _actions(parser):
        if action.type is path or action.dest == "config":
            action.complete = files  # shtab reads it


def _actions(parser: argparse.ArgumentParser) -> list[Any]:
    return parser._actions  # noqa: SLF001  argparse has no public list of them


COMMAND = Command(_run, _add_arguments, never)

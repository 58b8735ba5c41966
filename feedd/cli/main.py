"""Market-data feed handler: run feeds, watch them, record them and replay recordings."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from feedd import __version__
from feedd.cli.arguments import explain
from feedd.cli.commands import COMMANDS
from feedd.errors import ConfigError, FeeddError, FinalError
from feedd.runtime.terminal import prepare_output, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.cli.command import Command

USAGE = 2  # argparse's exit code
INTERRUPTED = 130  # as a shell reports SIGINT
PIPE_CLOSED = 141  # and SIGPIPE
CONFIG_BEFORE = "config_before"  # the command; `config` is the one after it
STORED = "_stored"


def main() -> int:
    """Run the command; return its exit code."""
    prepare_output()
    try:
        Path.cwd()
    except OSError as error:
        print(f"feedd: the working folder is gone ({error.strerror}); cd to it", file=sys.stderr)
        return ConfigError.exit_code
    arguments = parse()
    command: Command = arguments.command
    try:
        if command.needs_project(arguments):
            _enter_project(arguments)
        return command.run(arguments)
    except FinalError as error:
        _print_error(error)
        return error.exit_code
    except FeeddError as error:
        _print_error(error)
        return 1
    except KeyboardInterrupt:
        if command.leaves_processes:
            print("\ninterrupted; running processes go on: feedd status shows them, "
                  "feedd stop ends them")  # fmt: skip
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed arguments, by default of this process; `command` is the Command."""
    parser = make_parser()
    arguments = parser.parse_args(words)
    before, after = vars(arguments).pop(CONFIG_BEFORE), vars(arguments).pop("config", None)
    given = list(dict.fromkeys(str(Path(one).resolve()) for one in (before, after) if one))
    if len(given) > 1:
        parser.error(f"argument --config: given twice, as {given[0]} and as {given[1]}")
    arguments.config = given[0] if given else None
    return arguments


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each imports its module when it first parses."""
    parser = FeeddParser(prog="feedd", description=__doc__)
    parser.add_argument("--version", action="version", version=f"feedd {__version__}")
    _add_config(parser, CONFIG_BEFORE, None)
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", parser_class=CommandParser
    )  # fmt: skip
    for row in COMMANDS:
        commands.add_parser(row.name, help=row.help, description=row.help, module=row.module)
    return parser


def _add_config(parser: argparse.ArgumentParser, dest: str, default: str | None) -> None:
    parser.add_argument(
        "--config",
        dest=dest,
        default=default,
        metavar="FILE",
        help="the configuration; default: FEEDD_CONFIG, else the one that runs or ran last, "
        "else config/feedd.yaml",
    )


class StoreOnce(argparse.Action):
    """Argparse's `store`, which refuses an option that is given twice with different values."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the values."""
        stored: set[str] = vars(namespace).setdefault(STORED, set())
        if option_string and self.dest in stored and getattr(namespace, self.dest) != values:
            raise argparse.ArgumentError(
                self, f"given twice, as {getattr(namespace, self.dest)} and as {values}"
            )
        stored.add(self.dest)
        setattr(namespace, self.dest, values)


class FeeddParser(argparse.ArgumentParser):
    """Parser whose options may be given only once, and whose errors are one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register("action", None, StoreOnce)
        self.register("action", "store", StoreOnce)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, and end with argparse's exit code."""
        what = printable(explain(message, self.format_usage()))
        self.exit(USAGE, f"{self.prog}: {what}; {self.prog} --help shows the arguments\n")


class CommandParser(FeeddParser):
    """Parser of one command, whose module is imported only when it is needed."""

    def __init__(self, *, module: str, **options: Any) -> None:
        super().__init__(**options)
        self._module = module
        self._loaded = False

    def load(self) -> None:
        """Add the command's arguments."""
        if not self._loaded:
            self._loaded = True
            command: Command = import_module(f"feedd.cli.{self._module}").COMMAND
            command.add_arguments(self)
            _add_config(self, "config", argparse.SUPPRESS)
            self.set_defaults(command=command)

    def parse_known_args(self, *words: Any, **options: Any) -> Any:
        """Parse as argparse does, with the arguments loaded."""
        self.load()
        arguments, unknown = super().parse_known_args(*words, **options)
        if unknown:  # the parser of all commands would not know this one's options
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return arguments, unknown


def _enter_project(arguments: argparse.Namespace) -> None:
    """Change to the project's root: paths in a configuration are relative to it."""
    from feedd.supervision.project import project_root  # noqa: PLC0415  --help does without it

    arguments.root = project_root()
    os.chdir(arguments.root)


def _print_error(error: FeeddError) -> None:
    from feedd.runtime import secrets  # noqa: PLC0415  most commands do not fail

    print(f"feedd: {printable(secrets.redact(str(error)))}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

"""`feedd top`: watch all feeds and processes, until q or Ctrl-C."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.cli.arguments import above_zero, add_endpoint, add_wide
from feedd.cli.command import Command, without_endpoint
from feedd.cli.monitor import health_monitor
from feedd.config.applied import applied_at
from feedd.operation.active_config import active_config, endpoint_config
from feedd.operation.cells import DIM, paint
from feedd.operation.table import health_table, wants_colours
from feedd.runtime.terminal import fold, terminal_size

if TYPE_CHECKING:
    import argparse

    from feedd.operation.top.following import Watched

INTERVAL_S = 1.0
INTERVAL_BELOW_S = 3600.0
CLEAR_SCREEN = "\x1b[H\x1b[J"  # ECMA-48: CUP, ED
HINT = "pip install 'feedd[top]' adds sorting, filters, details, logs and actions"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plain", action="store_true",
        help="only the table of feedd status, as without a terminal or without Textual",
    )  # fmt: skip
    parser.add_argument(
        "--interval", type=above_zero(INTERVAL_BELOW_S), default=INTERVAL_S, metavar="S",
        help="seconds between two reports (1)",
    )  # fmt: skip
    add_wide(parser)
    add_endpoint(parser)


def _run(arguments: argparse.Namespace) -> int:
    installed = importlib.util.find_spec("textual") is not None
    if installed and not arguments.plain and not arguments.wide and _is_interactive():
        return _run_interactive(arguments)
    hint = None if installed or arguments.plain else HINT
    while (code := _watch(arguments, hint)) is None:
        pass
    return code


def _is_interactive() -> bool:
    """Whether a person can use a program that fills the terminal."""
    # Textual reads standard input and draws on standard error.
    terminals = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    unicode = (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"
    return terminals and unicode and os.environ.get("TERM", "dumb") != "dumb"


def _run_interactive(arguments: argparse.Namespace) -> int:
    from feedd.operation.process_control import control  # noqa: PLC0415
    from feedd.operation.top.app import Project, TopApp  # noqa: PLC0415  Textual takes 0.3 s
    from feedd.operation.top.following import Following  # noqa: PLC0415

    _watched(arguments).monitor.__exit__(None, None, None)  # raises what is wrong, in one line
    project = None
    if arguments.endpoint is None:
        project = Project(
            partial(_log_folders, arguments),
            lambda action, name, print_line: control(action, name, arguments.root, print_line),
        )
    following = Following(
        partial(_watched, arguments), partial(_version, arguments), arguments.interval
    )
    app = TopApp(following, arguments.interval, project)
    try:
        app.run()
    finally:
        following.end()
    if app.acting is not None and app.acting.unfinished is not None:
        print(app.acting.unfinished, flush=True)
        app.acting.wait()
    return app.return_code or 0


def _watched(arguments: argparse.Namespace) -> Watched:
    from feedd.operation.top.following import Watched  # noqa: PLC0415

    if arguments.endpoint is not None:
        return Watched(endpoint_config(arguments.endpoint), health_monitor(arguments))
    settings = active_config(arguments.config, arguments.root).settings
    return Watched(settings, health_monitor(arguments))


def _version(arguments: argparse.Namespace) -> int | None:
    """Return what changes when another configuration runs."""
    return None if arguments.endpoint is not None else applied_at(arguments.root)


def _log_folders(arguments: argparse.Namespace) -> list[Path]:
    settings = active_config(arguments.config, arguments.root).settings
    return [Path(settings.log_dir), Path("logs")]  # supervisord's own log is in the latter


def _watch(arguments: argparse.Namespace, hint: str | None) -> int | None:
    """Report until nothing runs, and return the exit code; None once other things run."""
    colours = wants_colours(sys.stdout)
    on_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    version = _version(arguments)
    with health_monitor(arguments) as monitor:
        while _version(arguments) == version:
            report = monitor.report()
            size = terminal_size()  # each time: it may have been resized
            columns = None if arguments.wide else size.columns
            more = fold(hint, size.columns) if hint and sys.stdout.isatty() else []
            lines = size.lines - 1 - len(more) if on_terminal else None
            table = health_table(report, columns, lines, colours=colours)
            table = "\n".join([table, *(paint(line, DIM, colours) for line in more)])
            print(f"{CLEAR_SCREEN if on_terminal else ''}{table}", flush=True)
            if not report.processes:
                return int(report.health)
            time.sleep(arguments.interval)
    return None


COMMAND = Command(_run, _add_arguments, without_endpoint)

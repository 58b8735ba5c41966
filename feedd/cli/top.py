"""`feedd top`: report the health every second."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from feedd.cli.arguments import add_endpoint, add_wide
from feedd.cli.command import Command, without_endpoint
from feedd.cli.monitor import health_monitor
from feedd.config.applied import applied_at
from feedd.operation.table import health_table, wants_colours
from feedd.runtime.terminal import terminal_size

if TYPE_CHECKING:
    import argparse

INTERVAL_S = 1.0
CLEAR_SCREEN = "\x1b[H\x1b[J"  # ECMA-48: CUP, ED


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_wide(parser)
    add_endpoint(parser)


def _run(arguments: argparse.Namespace) -> int:
    while (code := _watch(arguments)) is None:
        pass
    return code


def _watch(arguments: argparse.Namespace) -> int | None:
    """Report until nothing runs, and return the exit code; None once other things run."""
    colours = wants_colours(sys.stdout)
    on_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    applied = None if arguments.endpoint is not None else applied_at(arguments.root)
    with health_monitor(arguments) as monitor:
        while arguments.endpoint is not None or applied_at(arguments.root) == applied:
            report = monitor.report()
            size = terminal_size()  # each time: it may have been resized
            columns = None if arguments.wide else size.columns
            lines = size.lines - 1 if on_terminal else None
            table = health_table(report, columns, lines, colours=colours)
            print(f"{CLEAR_SCREEN if on_terminal else ''}{table}", flush=True)
            if not report.processes:
                return int(report.health)
            time.sleep(INTERVAL_S)
    return None


COMMAND = Command(_run, _add_arguments, without_endpoint)

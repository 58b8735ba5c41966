"""`feedd top`: report the health every second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from feedd.cli.arguments import add_endpoint, add_wide
from feedd.cli.command import Command, without_endpoint
from feedd.cli.monitor import health_monitor
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
    colours = wants_colours(sys.stdout)
    on_terminal = sys.stdout.isatty()
    with health_monitor(arguments) as monitor:
        while True:
            report = monitor.report()
            size = terminal_size()  # each time: it may have been resized
            columns = None if arguments.wide else size.columns
            lines = size.lines - 1 if on_terminal else None
            table = health_table(report, columns, lines, colours=colours)
            print(f"{CLEAR_SCREEN if on_terminal else ''}{table}", flush=True)
            if not report.processes:
                return int(report.health)
            time.sleep(INTERVAL_S)


COMMAND = Command(_run, _add_arguments, without_endpoint)

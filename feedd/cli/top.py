"""`feedd top`: report the health every second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from feedd.cli.arguments import add_endpoint
from feedd.cli.command import Command, without_endpoint
from feedd.cli.monitor import health_monitor
from feedd.operation.table import health_table, wants_colours

if TYPE_CHECKING:
    import argparse

INTERVAL_S = 1.0
CLEAR_SCREEN = "\x1b[H\x1b[J"  # ECMA-48: CUP, ED


def _run(arguments: argparse.Namespace) -> int:
    colours = wants_colours(sys.stdout)
    clear = CLEAR_SCREEN if sys.stdout.isatty() else ""
    with health_monitor(arguments) as monitor:
        while True:
            report = monitor.report()
            print(clear + health_table(report, colours=colours), flush=True)
            if not report.processes:
                return int(report.health)
            time.sleep(INTERVAL_S)


COMMAND = Command(_run, add_endpoint, without_endpoint)

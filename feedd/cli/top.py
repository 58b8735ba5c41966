"""`feedd top`: report the health every second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.config import ports
from feedd.operation.active_config import SUPERVISORD_ANSWER_S, active_config
from feedd.operation.health import HealthMonitor
from feedd.operation.table import health_table, wants_colours
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    import argparse

INTERVAL_S = 1.0
CLEAR_SCREEN = "\x1b[H\x1b[J"  # ECMA-48: CUP, ED


def _run(arguments: argparse.Namespace) -> int:
    settings, path = active_config(arguments.config, arguments.root)
    given = ports.assign(settings, path, remember=False)
    colours = wants_colours(sys.stdout)
    clear = CLEAR_SCREEN if sys.stdout.isatty() else ""
    daemon = Daemon(arguments.root, SUPERVISORD_ANSWER_S)
    with HealthMonitor(settings, daemon, given) as monitor:
        while True:
            report = monitor.report()
            print(clear + health_table(report, colours=colours), flush=True)
            if not report.processes:
                return int(report.health)
            time.sleep(INTERVAL_S)


COMMAND = Command(_run)

"""`feedd status`: report the health once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson

from feedd.cli.arguments import add_endpoint, add_wide
from feedd.cli.command import Command, without_endpoint
from feedd.cli.monitor import health_monitor
from feedd.operation.table import health_table, wants_colours
from feedd.runtime.terminal import terminal_size

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_wide(parser)
    add_endpoint(parser)


def _run(arguments: argparse.Namespace) -> int:
    with health_monitor(arguments) as monitor:
        report = monitor.report()
    if arguments.json:
        print(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2).decode())
    else:
        columns = None if arguments.wide else terminal_size().columns
        print(health_table(report, columns, colours=wants_colours(sys.stdout)))
    return int(report.health)


COMMAND = Command(_run, _add_arguments, without_endpoint)

"""`feedd status`: report the health once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson

from feedd.cli.arguments import add_endpoint
from feedd.cli.command import Command, without_endpoint
from feedd.config import ports
from feedd.operation.active_config import SUPERVISORD_ANSWER_S, active_config, endpoint_config
from feedd.operation.endpoint_health import endpoint_report
from feedd.operation.health import project_report
from feedd.operation.table import health_table, wants_colours
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    import argparse

    from feedd.operation.health import Report


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_endpoint(parser)


def _run(arguments: argparse.Namespace) -> int:
    report = _report(arguments)
    if arguments.json:
        print(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2).decode())
    else:
        print(health_table(report, colours=wants_colours(sys.stdout)))
    return int(report.health)


def _report(arguments: argparse.Namespace) -> Report:
    if arguments.endpoint is not None:
        return endpoint_report(endpoint_config(arguments.endpoint))
    settings, path = active_config(arguments.config, arguments.root)
    given = ports.assign(settings, path, remember=False)
    return project_report(settings, Daemon(arguments.root, SUPERVISORD_ANSWER_S), given)


COMMAND = Command(_run, _add_arguments, without_endpoint)

"""`feedd restart`: restart all feeds, or some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.cli.output import print_now
from feedd.config.environment import read_environment
from feedd.operation.active_config import active_config, config_to_start
from feedd.operation.restart import restart_feeds
from feedd.operation.startup import start
from feedd.operation.validation import check_before_start
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "symbols", nargs="*", metavar="SYMBOL", help="or program, e.g. BTC/USDT; default: all feeds"
    )


def _run(arguments: argparse.Namespace) -> int:
    daemon = Daemon(arguments.root)
    if daemon.pid is None and not arguments.symbols:
        settings, path, _, chosen = config_to_start(arguments.config, arguments.root)
        if chosen is not None:
            print_now(chosen)
        for line in check_before_start(settings, path, read_environment()):
            print_now(line)
        start(path, arguments.root, print_now)
    else:
        settings, path, *_ = active_config(arguments.config, arguments.root)
        restart_feeds(settings, path, daemon, arguments.symbols, print_now)
    return 0


COMMAND = Command(_run, _add_arguments, leaves_processes=True)

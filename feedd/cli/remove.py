"""`feedd remove`: remove a symbol from the configuration and stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.cli.output import print_now
from feedd.operation import changes
from feedd.operation.active_config import config_to_start

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("symbol", metavar="SYMBOL", help="or program, e.g. BTC/USDT")
    parser.add_argument("--exchange", help="needed if several exchanges have the symbol")


def _run(arguments: argparse.Namespace) -> int:
    _, path, _, chosen = config_to_start(arguments.config, arguments.root)
    if chosen is not None:
        print_now(chosen)
    changes.remove(arguments.symbol, arguments.exchange, path, arguments.root, print_now)
    return 0


COMMAND = Command(_run, _add_arguments, leaves_processes=True)

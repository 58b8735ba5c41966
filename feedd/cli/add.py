"""`feedd add`: add a symbol to the configuration and start it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.arguments import port
from feedd.cli.command import Command
from feedd.cli.output import print_now
from feedd.config.environment import read_environment
from feedd.operation import changes
from feedd.operation.active_config import config_to_start
from feedd.operation.validation import check_addition, entry_of

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("symbol", metavar="SYMBOL", help="e.g. BTC/USDT")
    parser.add_argument("--exchange", help="ccxt's name; default: the configuration's")
    parser.add_argument("--port", type=port, help="default: the next free one")
    parser.add_argument("--channels", help="e.g. ticker,quote; default: the configuration's")


def _run(arguments: argparse.Namespace) -> int:
    settings, path, _, chosen = config_to_start(arguments.config, arguments.root)
    if chosen is not None:
        print_now(chosen)
    names = arguments.channels.split(",") if arguments.channels else []
    channels = [name.strip() for name in names]
    entry = entry_of(settings, arguments.symbol, arguments.exchange, arguments.port, channels)
    for line in check_addition(path, entry, read_environment()):
        print_now(line)
    changes.add(entry, path, arguments.root, print_now)
    return 0


COMMAND = Command(_run, _add_arguments, leaves_processes=True)

"""`feedd start`: start everything, or apply a changed configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.cli.output import print_now
from feedd.config.environment import read_environment
from feedd.health.market_notice import market_notice
from feedd.operation.active_config import config_to_start
from feedd.operation.startup import start
from feedd.operation.validation import check_before_start

if TYPE_CHECKING:
    import argparse


def _run(arguments: argparse.Namespace) -> int:
    settings, path, _, chosen = config_to_start(arguments.config, arguments.root)
    if chosen is not None:
        print_now(chosen)
    for line in check_before_start(settings, path, read_environment()):
        print_now(line)
    if (notice := market_notice(settings)) is not None:
        print_now(notice)
    start(path, arguments.root, print_now)
    return 0


COMMAND = Command(_run, leaves_processes=True)

"""`feedd config`: check the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.config import ports
from feedd.config.environment import read_environment
from feedd.operation.active_config import given_config
from feedd.operation.validation import check_feeds, check_keys

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", choices=["check", "embedded"],
        help="check: print its feeds and their ports; embedded: exit with 0 if it has an embedded "
        "exchange, else with 1",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    settings, path = given_config(arguments.config)
    if arguments.what == "embedded":
        return 0 if settings.embedded_exchange is not None else 1
    check_feeds(settings, settings.feeds())
    given = ports.assign(settings, path, remember=False)
    for line in check_keys(settings.feeds(), read_environment()):
        print(line)
    for feed in settings.feeds():
        print(f"{feed.name}  port {given[feed.name]}  {', '.join(feed.channels)}")
    print(f"{path}: {len(given)} feeds, nothing wrong")
    return 0


COMMAND = Command(_run, _add_arguments)

"""`feedd config`: check the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.command import Command
from feedd.config import ports
from feedd.config.environment import read_environment
from feedd.errors import EndpointInUseError
from feedd.health.networks import network_lines
from feedd.operation.active_config import given_config
from feedd.operation.asking import ask_exchanges
from feedd.operation.startup import held_addresses
from feedd.operation.validation import check_before_start, located, unchecked_lines
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from feedd.config.settings import Config
    from feedd.operation.asking import Answers


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
    environment = read_environment()
    lines = check_before_start(settings, path, environment)
    given = ports.assign(settings, path, remember=False)
    answers = ask_exchanges(settings, settings.feeds(), environment)
    _refuse(settings, path, answers)
    held = held_addresses(settings, given, Daemon(arguments.root))
    if held is not None:
        raise EndpointInUseError(f"{path}: {held}")
    lines += unchecked_lines(answers)
    for line in network_lines(settings, environment):
        print(line)
    for feed in settings.feeds():
        print(f"{feed.name}  port {given[feed.name]}  {', '.join(feed.channels)}")
    for line in lines:
        print(line)
    found = "nothing else wrong" if lines else "nothing wrong"
    print(f"{path}: {len(given)} feeds, {found}")
    return 0


def _refuse(settings: Config, path: Path, answers: Answers) -> None:
    """Raise an error that names each feed which its exchange refuses, and its line."""
    feeds = settings.feeds()
    errors = [located(error, path, feeds.index(feed)) for feed, error in answers.refused.items()]
    if errors:
        raise type(errors[0])("; ".join(map(str, errors)))


COMMAND = Command(_run, _add_arguments)

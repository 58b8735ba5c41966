"""`feedd tail`: print messages from the fan-out endpoint."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from feedd.audit.recording import LineRecorder
from feedd.cli.arguments import add_endpoint
from feedd.cli.command import Command, without_endpoint
from feedd.config.own_deployment import own_deployment
from feedd.health.market_notice import market_notice
from feedd.operation.active_config import active_config, endpoint_config
from feedd.operation.contact_report import silent_lines
from feedd.operation.own_messages import OwnMessages, with_statuses
from feedd.operation.show import message_line
from feedd.topic_prefixes import check_prefixes
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    import argparse

    from feedd.config.settings import Config

IDLE_S = 1.0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prefixes", nargs="*", default=[""], metavar="PREFIX", help="of topics, e.g. ticker."
    )
    parser.add_argument(
        "--json", action="store_true",
        help="JSON lines for feedd audit: the events of feedd.subscribe, with the statuses",
    )  # fmt: skip
    parser.add_argument(
        "--plain", action="store_true", help="the same from a plain ZeroMQ subscriber"
    )
    add_endpoint(parser)


def _run(arguments: argparse.Namespace) -> int:
    check_prefixes(arguments.prefixes)
    if arguments.endpoint is not None:
        settings, deployment = endpoint_config(arguments.endpoint), None
    else:
        settings = active_config(arguments.config, arguments.root).settings
        deployment = own_deployment(settings)
        if (notice := market_notice(settings)) is not None:
            print(f"feedd: {notice}", file=sys.stderr, flush=True)
    endpoints = settings.history_endpoints()
    if not arguments.json:
        endpoints = dict(list(endpoints.items())[:1])
    # The first message may come at once, or never: meanwhile a thread finds out why.
    threading.Thread(target=_report, args=(endpoints, arguments.prefixes), daemon=True).start()
    if arguments.json or arguments.plain:
        return _write_recording(settings, arguments.prefixes, deployment, plain=arguments.plain)
    _print_messages(settings.proxy.subscribers, arguments.prefixes, deployment)
    return 0


def _print_messages(endpoint: str, prefixes: list[str], deployment: str | None) -> None:
    """Print messages until an interrupt; with a deployment, those of no other one."""
    own = None if deployment is None else OwnMessages(deployment, prefixes)
    with Subscriber(endpoint, prefixes if own is None else with_statuses(prefixes)) as subscriber:
        while True:
            message = subscriber.receive(IDLE_S)
            if message is None:
                continue
            for one in [message] if own is None else own.take(*message):
                print(message_line(*one), flush=True)
            while own is not None and own.notices:
                print(f"feedd: {own.notices.pop(0)}", file=sys.stderr, flush=True)


def _report(endpoints: dict[str, str], prefixes: list[str]) -> None:
    for line in silent_lines(endpoints, prefixes):
        print(f"feedd: {line}", file=sys.stderr, flush=True)


def _write_recording(
    settings: Config, prefixes: list[str], deployment: str | None, *, plain: bool
) -> int:
    """Write JSON lines to standard output until SIGINT or SIGTERM."""
    recorder = LineRecorder(sys.stdout.buffer, prefixes)
    if plain:
        endpoint = settings.proxy.subscribers  # two would send everything twice
        if deployment is None:
            ending = recorder.plain(endpoint)
        else:
            own = OwnMessages(deployment, with_statuses(prefixes))
            ending = recorder.plain(endpoint, own.take)
            for notice in own.notices:
                print(f"feedd: {notice}", file=sys.stderr)
    else:
        endpoints = settings.history_endpoints()
        ending = recorder.client(list(endpoints), list(endpoints.values()), deployment)
    print(f"feedd: wrote {recorder.lines:,} lines, until {ending}", file=sys.stderr)
    return 0


COMMAND = Command(_run, _add_arguments, without_endpoint)

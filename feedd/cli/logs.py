"""`feedd logs`: show the logs of all processes and follow them."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.cli.arguments import count
from feedd.cli.command import Command
from feedd.errors import ConfigError, FeeddError
from feedd.operation.active_config import SUPERVISORD_ANSWER_S, active_config
from feedd.operation.follow import LogFollower, former_processes, selected_processes
from feedd.runtime import secrets
from feedd.runtime.logs.lines import readable
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from feedd.runtime.logs.lines import LogLine

POLL_EVERY_S = 0.25


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="*", metavar="PROCESS_OR_SYMBOL", help="e.g. proxy or BTC/USDT; default: all"
    )
    parser.add_argument(
        "--lines", type=count, default=20, metavar="N", help="lines to begin with (20)"
    )
    parser.add_argument(
        "--no-follow", dest="follow", action="store_false", help="end after these lines"
    )


def _run(arguments: argparse.Namespace) -> int:
    settings = None
    try:
        settings = active_config(arguments.config, arguments.root).settings
    except ConfigError as error:
        # Logs matter most while the configuration is broken.
        print(f"feedd: {secrets.redact(str(error))}", file=sys.stderr)
    log_dir = Path(settings.log_dir if settings is not None else "logs")
    folders = [log_dir, Path("logs")]  # supervisord's own log is in the latter
    names = selected_processes(arguments.names, folders, settings)
    former: frozenset[str] = frozenset()
    if names is None and settings is not None:
        former = former_processes(folders, settings, _running(arguments.root))
    if former:
        print(
            f"feedd: without the logs of {', '.join(sorted(former))}, which the configuration does "
            "not have; feedd logs NAME shows one",
            file=sys.stderr,
        )
    follower = LogFollower(folders, names, former)
    _print(follower.last(arguments.lines))
    if follower.empty:
        raise ConfigError(f"{log_dir}: there are no logs yet; `feedd start` makes some")
    while arguments.follow:
        _print(follower.poll())
        if not follower.behind:
            _wait()
    return 0


def _running(root: Path) -> Iterable[str]:
    try:
        return Daemon(root, SUPERVISORD_ANSWER_S).processes()
    except FeeddError:
        return ()


def _print(lines: Iterable[LogLine]) -> None:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in lines:
        print(secrets.redact(readable(line, coloured=coloured)))
    sys.stdout.flush()


def _wait() -> None:
    """Wait until the next poll; raise BrokenPipeError as soon as standard output is closed."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    if output.poll(POLL_EVERY_S * 1000):
        raise BrokenPipeError


COMMAND = Command(_run, _add_arguments)

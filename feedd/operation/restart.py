"""Restart feeds without changing what else runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.config import ports
from feedd.errors import ConfigError
from feedd.operation.startup import wait_until_healthy, wait_until_live
from feedd.runtime import locks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from feedd.config.settings import Config
    from feedd.operation.progress import PrintLine
    from feedd.supervision.daemon import Daemon


def restart_feeds(
    settings: Config, path: Path, daemon: Daemon, symbols: Sequence[str], print_line: PrintLine
) -> None:
    """Restart the feeds of some symbols or programs, or all feeds; return when they are live.

    Raises ConfigError for a feed that is not started, StartError for one that does not come up.
    """
    if daemon.pid is None:
        raise ConfigError("feedd is not running here; feedd start starts it")
    names = [feed.name for symbol in symbols for feed in settings.select(symbol)]
    names = names or [feed.name for feed in settings.feeds()]
    change_processes(daemon, names, stop=True, start=True)
    print_line(f"restarted {', '.join(names)}")
    given = ports.assign(settings, path, remember=False)
    if not symbols:
        wait_until_healthy(settings, daemon, given, print_line)
        return
    for name in names:
        wait_until_live(settings, daemon, given, name, print_line)


def change_processes(daemon: Daemon, names: Sequence[str], *, stop: bool, start: bool) -> None:
    """Stop processes, start them, or both, without waiting until they are live.

    Raises ConfigError where supervisord does not run, or for a process that it does not have.
    """
    if daemon.pid is None:
        raise ConfigError("feedd is not running here; feedd start starts it")
    daemon.refuse_moved()
    with locks.command_lock(daemon.root):
        unknown = set(names) - daemon.processes().keys()
        if unknown:
            raise ConfigError(f"{', '.join(sorted(unknown))} is not started yet; run feedd start")
        if stop:
            daemon.stop(names)
        if start:
            daemon.start(names)

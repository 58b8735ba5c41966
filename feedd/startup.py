"""Starting everything, and saying what happened until all is well or what is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from feedd import health, ports, render
from feedd.daemon import Daemon
from feedd.errors import ConfigError, FeeddError
from feedd.health import Health

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from feedd.config import Config
    from feedd.health import Report

HEALTHY_WITHIN_S = 30.0  # and a second more for each feed

Say = Callable[[str], object]


class StartError(FeeddError):
    """Not everything came up; the text says what, and why."""


def start(
    config: Config,
    config_path: Path,
    root: Path,
    say: Say,
    preexec: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes] | None:
    """Start the daemon on a configuration, or take in its changes; return when all is healthy.

    With `preexec` supervisord stays a child, and is returned. Raises StartError where something
    didn't come up: it is left running, since a feed goes on trying.
    """
    daemon = Daemon(root)
    given = ports.assign(config, config_path)
    child = None
    if daemon.pid is None:
        render.write(render.render(config, config_path, root, given), root)
        child = daemon.spawn(preexec)
        say(f"started supervisord (pid {daemon.pid}) on {config_path.name}: {len(given)} feeds")
    else:
        running = render.rendered_from(root)
        if running is not None and running != config_path.resolve():
            raise ConfigError(f"feedd runs here on {running}; stop it first: make stop")
        render.write(render.render(config, config_path, root, given), root)
        started, stopped = daemon.apply()
        say(f"started {', '.join(started) or 'nothing'}; stopped {', '.join(stopped) or 'nothing'}")
    wait_until_healthy(config, daemon, given, say)
    return child


def wait_until_healthy(config: Config, daemon: Daemon, given: dict[str, int], say: Say) -> Report:
    """Say each change of each process, until all is healthy; raise StartError where it isn't."""
    began_s = time.monotonic()
    deadline = began_s + HEALTHY_WITHIN_S + len(config.symbols)
    told: dict[str, tuple[str, str | None]] = {}
    while True:
        report = health.look(config, daemon, given)
        for process in report.processes:
            now = (process.process, process.state)
            if told.get(process.name) != now:
                told[process.name] = now
                why = f" ({process.reason})" if process.reason else ""
                state = process.process if process.state in {None, "down"} else process.state
                say(f"{time.monotonic() - began_s:5.1f} s  {process.name}: {state}{why}")
        if report.health == Health.HEALTHY:
            say(f"all is healthy; subscribe to {config.proxy.subscribers}")
            return report
        ended = [p for p in report.processes if p.process in {"EXITED", "FATAL"}]
        if ended or time.monotonic() > deadline:
            failing = ended or [p for p in report.processes if not p.healthy]
            why = "; ".join(f"{p.name} is {p.state or p.process}: {p.reason}" for p in failing)
            raise StartError(f"not all is healthy: {why or 'supervisord does not answer'}")
        time.sleep(0.1)

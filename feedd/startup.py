"""Starting everything, and saying what happened until all is well or what is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from feedd import health, ports, render
from feedd.daemon import Daemon
from feedd.errors import FeeddError
from feedd.health import Health

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from feedd.config import Config
    from feedd.health import ProcessHealth, Report

COMING_UP_S = 6.0  # so long it is no news that a feed has nothing to say yet
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
        orphans = daemon.end_orphans()
        if orphans:
            plural = "es" if len(orphans) > 1 else ""
            say(f"ended {len(orphans)} process{plural} that an earlier supervisord left behind")
        render.write(render.render(config, config_path, root, given), root)
        child = daemon.spawn(preexec)
        say(f"started supervisord (pid {daemon.pid}) on {config_path.name}: {len(given)} feeds")
    else:
        render.write(render.render(config, config_path, root, given), root)
        started, stopped = daemon.apply()
        if started or stopped:
            what = [
                f"{verb} {', '.join(names)}"
                for verb, names in (("started", started), ("stopped", stopped))
                if names
            ]
            say("; ".join(what))
        else:
            say("nothing to change")
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
            coming = process.state in {"silent", "starting"}
            if coming and time.monotonic() - began_s < COMING_UP_S:
                continue
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
            raise StartError(
                f"not all is healthy: {_why(ended or report.processes)}. "
                "What runs goes on trying; make stop ends it"
            )
        time.sleep(0.1)


def _why(processes: Sequence[ProcessHealth]) -> str:
    """Name what is not well, those of the same reason together."""
    names: dict[str, list[str]] = {}
    for process in processes:
        if not process.healthy:
            state = f"{process.state or process.process}: {process.reason}"
            names.setdefault(state, []).append(process.name)
    return "; ".join(f"{', '.join(those)}: {state}" for state, those in names.items()) or (
        "supervisord does not answer"
    )

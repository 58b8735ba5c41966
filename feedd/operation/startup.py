"""Start everything, and report progress until all is healthy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from feedd.config import ports
from feedd.config.environment import read_environment
from feedd.config.load import load_config
from feedd.errors import FeeddError
from feedd.health.monitor import HealthMonitor
from feedd.health.networks import network_lines, running_network_lines
from feedd.health.report import Health, Report, grouped_reasons
from feedd.operation.active_config import refuse_another
from feedd.operation.address_check import addresses_of, held_by_others
from feedd.operation.progress import COMING_UP_S, FEW, PrintLine, Progress
from feedd.operation.reach import reach_lines, subscribe_text
from feedd.operation.run_dir_user import refuse_shared_run_dir
from feedd.runtime import locks
from feedd.supervision import render
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from feedd.config.settings import Config
    from feedd.health.report import ProcessHealth

POLL_EVERY_S = 0.2
ANSWER_S = 20.0  # supervisord is busy while a hundred processes come up
HEALTHY_WITHIN_S = 30.0  # and a second more for each feed


class StartError(FeeddError):
    """Some processes did not come up; the text names them and the reason."""


class EndedError(StartError):
    """A worker has exited for good; the text is the reason that it logged."""


def start(
    config_path: Path,
    root: Path,
    print_line: PrintLine,
    preexec: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes] | None:
    """Start the daemon on a configuration, or apply its changes; return when all is healthy.

    With `preexec` supervisord stays a child, and is returned. Raises StartError if a process does
    not come up: everything is left running, since a feed keeps trying.
    """
    daemon = Daemon(root, ANSWER_S)
    child = None
    with locks.command_lock(root):
        # Read under the lock: a symbol that another command is adding must not be stopped.
        refuse_another(config_path, daemon)
        config = load_config(config_path)
        lines = network_lines(config, read_environment())
        given = ports.assign(config, config_path)
        fresh = daemon.pid is None
        if fresh:
            _end_orphans(daemon, print_line)
        if (held := held_addresses(config, given, daemon)) is not None:
            raise StartError(f"nothing was started: {held}")
        refuse_shared_run_dir(config.run_dir, daemon.pid)
        render.write(config, config_path, root, given)
        if fresh:
            child = daemon.spawn(preexec)
            print_line(
                f"started supervisord (pid {daemon.pid}) on {config_path.name}: {len(given)} feeds"
            )
        else:
            print_line(_what_changed(*daemon.apply()))
        _print_network(lines, config, daemon, print_line)
    wait_until_healthy(config, daemon, given, print_line)
    return child


def held_addresses(config: Config, given: dict[str, int], daemon: Daemon) -> str | None:
    """Return one line on the addresses that other processes hold; None without any."""
    running = {} if daemon.pid is None else daemon.processes()
    return held_by_others(addresses_of(config, given), {info["pid"] for info in running.values()})


def _print_network(
    own: tuple[str, ...], config: Config, daemon: Daemon, print_line: PrintLine
) -> None:
    """Print how exchanges are reached, and where this shell's variables are not in force."""
    pid = daemon.pid
    running = None if pid is None else running_network_lines(config, daemon, pid)
    for line in own if running is None else running:
        print_line(line)
    if running not in {None, own}:
        print_line(
            "the feeds have the variables of the start of supervisord, not this shell's: "
            f"{'; '.join(own) or 'no proxy'}; to change that: feedd stop, then feedd start"
        )


def _end_orphans(daemon: Daemon, print_line: PrintLine) -> None:
    orphans = daemon.end_orphans()
    if orphans:
        plural = "es" if len(orphans) > 1 else ""
        print_line(f"ended {len(orphans)} process{plural} that an earlier supervisord left behind")


def _what_changed(started: list[str], stopped: list[str]) -> str:
    changes = (("started", started), ("stopped", stopped))
    what = [f"{verb} {', '.join(names)}" for verb, names in changes if names]
    return "; ".join(what) or "nothing to change"


def wait_until_healthy(
    config: Config, daemon: Daemon, given: dict[str, int], print_line: PrintLine
) -> Report:
    """Report the state of all processes until all is healthy; raise StartError if it is not."""
    with HealthMonitor(config, daemon, given) as monitor:
        return report_until_healthy(config, monitor.report, print_line)


def report_until_healthy(
    config: Config, get_report: Callable[[], Report], print_line: PrintLine
) -> Report:
    """Print changes until all is healthy; raise StartError if it is not.

    With few feeds, one that has exited is an error at once; with many, once the others are healthy,
    as is one whose symbol the exchange does not trade.
    """
    began_s = time.monotonic()
    deadline = began_s + HEALTHY_WITHIN_S + len(config.symbols)
    few = len(config.symbols) <= FEW
    with Progress(print_line, len(config.symbols)) as progress:
        while True:
            report = get_report()
            progress.update(report, time.monotonic() - began_s)
            if report.health == Health.HEALTHY:
                progress.print(f"all is healthy; subscribe to {subscribe_text(config)}")
                if (gateway := config.gateway_settings) is not None:
                    progress.print(f"page: {gateway.url}")
                for line in reach_lines(config):
                    progress.print(line)
                return report
            unwell = [p for p in report.processes if not p.healthy]
            ended = [p for p in unwell if p.ended]
            settled = [p for p in unwell if p.ended or (p.is_feed and not p.traded)]
            if (ended and few) or (settled and settled == unwell) or time.monotonic() > deadline:
                shown = ended if few and ended else unwell
                raise StartError(
                    f"not all is healthy: {_why(shown)}. The rest keeps running; "
                    "feedd stop stops it"
                )
            time.sleep(POLL_EVERY_S)


def wait_until_live(
    config: Config, daemon: Daemon, given: dict[str, int], name: str, print_line: PrintLine
) -> None:
    """Report the progress of one feed until it is live, whatever the others do.

    Raises EndedError if it has ended for good, StartError if it is not live in time.
    """
    entries = zip(config.symbols, config.feeds(), strict=True)
    alone = msgspec.structs.replace(
        config, symbols=tuple(entry for entry, feed in entries if feed.name == name)
    )
    began_s = time.monotonic()
    with (
        HealthMonitor(alone, daemon, given) as monitor,
        Progress(print_line, feeds=1) as progress,
    ):
        while True:
            report = monitor.report()
            elapsed_s = time.monotonic() - began_s
            feed = next((p for p in report.processes if p.name == name), None)
            if feed is None:
                raise StartError(f"{name} is not live: supervisord does not answer")
            progress.update(Report((feed,)), elapsed_s)
            if feed.healthy:
                return
            if feed.ended:
                raise EndedError(feed.reason or f"{name} has exited; see its log")
            # A program that was just added is STOPPED until supervisord starts it.
            if feed.process == "MISSING" or (feed.process == "STOPPED" and elapsed_s > COMING_UP_S):
                raise StartError(f"{name} was stopped meanwhile")
            if elapsed_s > HEALTHY_WITHIN_S or not feed.traded:
                raise StartError(f"not live yet: {_why([feed])}")
            time.sleep(POLL_EVERY_S)


def _why(processes: Sequence[ProcessHealth]) -> str:
    return grouped_reasons(processes) or "supervisord does not answer"

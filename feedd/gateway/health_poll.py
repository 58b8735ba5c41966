"""Health of all processes, as `feedd status` reports it, polled in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import structlog

from feedd.config.applied import applied_at, read_applied
from feedd.errors import ConfigError
from feedd.gateway.sources import Sources, read_sources
from feedd.health.monitor import HealthMonitor
from feedd.supervision.daemon import Daemon, DaemonError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from feedd.config.settings import Config
    from feedd.health.report import Report

POLL_EVERY_S = 1.0
LARGEST_SHARE = 0.03  # of one CPU; a report on many processes is made less often
LONGEST_PAUSE_S = 4.0  # but no pause is longer

_log = structlog.get_logger()


def pause_s(passed_s: float, cpu_s: float) -> float:
    """Return the pause after a report that took so long, and so much CPU."""
    rest_s = max(POLL_EVERY_S, cpu_s / LARGEST_SHARE) - passed_s
    return min(max(0.1, rest_s), LONGEST_PAUSE_S)


class PolledHealth(NamedTuple):
    """A report, and when it was made; `at_s` is of the monotonic clock."""

    report: Report
    at_s: float
    sources: Sources = Sources()


class HealthPoll:
    """Polls the health once per POLL_EVERY_S or less; `latest` is None before the first report.

    It follows the applied configuration: added symbols appear without a restart. Each new report
    is passed to `readers`.
    """

    def __init__(self, root: Path, config: Config, ports: dict[str, int]) -> None:
        self.config = config
        self.latest: PolledHealth | None = None
        self.readers: list[Callable[[PolledHealth], None]] = []
        self._root = root
        self._ports = ports
        self._thread = ThreadPoolExecutor(1, "health")
        self._monitor: HealthMonitor | None = None
        self._applied = applied_at(root)
        self._cpu_s = 0.0  # that the last report took

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                began_s = time.monotonic()
                polled = await loop.run_in_executor(self._thread, self._poll)
                if polled is not None:
                    self.latest = polled
                    for reader in self.readers:
                        reader(polled)
                await asyncio.sleep(pause_s(time.monotonic() - began_s, self._cpu_s))
        finally:
            # Its sockets belong to the thread; a report takes a few seconds at most.
            with contextlib.suppress(RuntimeError):
                self._thread.submit(self._close)
            self._thread.shutdown(wait=False)

    def _poll(self) -> PolledHealth | None:
        began_s = time.thread_time()
        try:
            return self._report()
        finally:
            self._cpu_s = time.thread_time() - began_s

    def _report(self) -> PolledHealth | None:
        self._follow_config()
        if self._monitor is None:
            self._monitor = HealthMonitor(self.config, Daemon(self._root), self._ports)
        try:
            report = self._monitor.report()
        except DaemonError as error:
            _log.warning("no report on the health", why=str(error))
            return None
        now_s = time.monotonic()
        return PolledHealth(report, now_s, read_sources(self.config, report, time.time_ns(), now_s))

    def _follow_config(self) -> None:
        applied = applied_at(self._root)
        if applied == self._applied:
            return
        try:
            now = read_applied(self._root)
        except ConfigError as error:
            _log.warning("the applied configuration can't be read", why=str(error))
            return
        self._applied = applied
        if now is not None:
            self.config, self._ports = now.config, now.ports
            self._close()

    def _close(self) -> None:
        if self._monitor is not None:
            self._monitor.__exit__()
            self._monitor = None

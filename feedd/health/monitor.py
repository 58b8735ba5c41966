"""Health of a project's processes, from supervisord's process states and the feeds' statuses."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from feedd.health.market_notice import market_notice
from feedd.health.networks import running_network_lines
from feedd.health.port_owners import PortOwners
from feedd.health.process_rows import (
    feed_row,
    listening_row,
    process_row,
    recorder_row,
    replay_row,
)
from feedd.health.report import (
    BLOCKED,
    FRESH_S,
    SILENT,
    UNKNOWN,
    ProcessHealth,
    Report,
    Usage,
)
from feedd.recordings.recorder import recorder_status
from feedd.recordings.recorder.recorder_status import RecorderStatus
from feedd.recordings.replay.replay_status import read_status
from feedd.runtime import status_file
from feedd.runtime.deployment import deployment_id, read_deployment
from feedd.supervision import restarts
from feedd.supervision.daemon import HungError
from feedd.supervision.render import EXCHANGE, GATEWAY, RECORDER, WATCHDOG
from feedd.supervision.watchdog_loop import HEARTBEAT_FILE
from feedd.transport.status_monitor import StatusMonitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.config.settings import Config
    from feedd.supervision.daemon import Daemon
    from feedd.transport.status_monitor import ReceivedStatus

NONE_YET = ""  # equals the deployment of no status
HEARTBEATS_S = 1.4  # a feed publishes its status once a second
SAME_PROCESSES_S = 0.05  # supervisord is not asked again within it
WATCHDOG_LATE_S = 20.0  # it checks every 5 s, and a check may take 5 s


class HealthMonitor:
    """Source of health reports; a context manager that keeps its subscriptions in between."""

    def __init__(
        self,
        config: Config,
        daemon: Daemon,
        ports: dict[str, int],
        remark: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`remark` returns a remark on the configuration for each report, or None."""
        self._remark = remark
        self._config = config
        self._daemon = daemon
        self._ports = ports
        self._feeds = config.feeds()
        self._proxies = tuple(config.proxy_programs())
        self._live = [feed.name for feed in self._feeds if feed.source != "replay"]
        self._replayed = {feed.name for feed in self._feeds if feed.source == "replay"}
        self._deployment = read_deployment(config.run_dir)
        self._statuses = StatusMonitor(
            config.fan_outs(), [ports[name] for name in self._live], self._deployment or NONE_YET
        )
        self._processes: dict[int, psutil.Process] = {}
        self._port_owners = PortOwners()
        self._market = market_notice(config)
        self._network: tuple[int, tuple[str, ...]] | None = None  # with supervisord's pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._statuses.close()

    def report(self, timeout_s: float = HEARTBEATS_S) -> Report:
        """Return the current health, after every running feed has published, or after `timeout_s`.

        If supervisord hangs, the report still has the feeds' statuses.
        """
        try:
            pid = self._daemon.pid
            if pid is None:
                unreachable = self._daemon.unreachable()
                if unreachable is None:
                    return Report((), deployment=self._deployment)
                why = f"{unreachable}; end it with feedd stop"
                return Report((), why_empty=why, deployment=self._deployment)
            self._deployment = self._statuses.deployment = deployment_id(self._config.run_dir)
            infos = self._daemon.processes()
            moved = self._daemon.moved_from(pid)
        except HungError as error:
            self._statuses.listen(timeout_s, lambda: False)
            return self._put_together({}, hung=str(error))
        self._begin_usage({info["pid"] for info in infos.values()} - {0})
        running = {name for name, info in infos.items() if info["statename"] == "RUNNING"}
        awaited = [name for name in self._live if name in running]
        proxies = [name for name in self._proxies if name in running]
        began_s = time.monotonic()
        self._statuses.listen(timeout_s, lambda: self._all_received(awaited, proxies))
        if time.monotonic() - began_s > SAME_PROCESSES_S:
            infos = self._daemon.processes()
        report = self._counted(self._put_together(infos), pid)
        if moved is not None:
            remark = (
                f"this folder was {moved} at the start; no process can restart until feedd does"
            )
            report = replace(report, remarks=(*report.remarks, remark))
        return replace(report, network=self._network_of(pid))

    def _network_of(self, daemon: int) -> tuple[str, ...]:
        if self._network is None or self._network[0] != daemon:
            lines = running_network_lines(self._config, self._daemon, daemon)
            self._network = daemon, lines or ()
        return self._network[1]

    def _all_received(self, names: list[str], proxies: list[str]) -> bool:
        since_s = time.monotonic() - FRESH_S
        for name in names:
            received = self._statuses.received.get(name)
            if received is None:
                return False
            at_s = [received.proxies_s.get(name, 0.0) for name in proxies] or [
                received.own_s or 0.0
            ]
            if min(at_s) < since_s:
                return False
        return True

    def _put_together(self, infos: dict[str, dict[str, Any]], hung: str | None = None) -> Report:
        """Combine supervisord's process states with the feeds' statuses."""
        since_s = time.monotonic() - FRESH_S
        received = {
            name: h
            for name, h in self._statuses.received.items()
            if h.at_s >= since_s and _is_of(h, infos.get(name), known=hung is None)
        }
        forwarding = {
            name
            for name in self._proxies
            if any(h.proxies_s.get(name, 0.0) >= since_s for h in received.values())
        }
        rows = []
        owners = self._port_owners
        owners.refresh({info["pid"] for info in infos.values()})
        for name in self._names():
            row = self._process(name, infos.get(name), known=hung is None)
            row = listening_row(row, self._bound_ports(name), owners)
            mute = name in self._proxies and name not in forwarding and row.state is None
            if mute and row.process == "RUNNING" and any(one in received for one in self._live):
                row = replace(row, state=SILENT, reason="forwards nothing")
            if name == WATCHDOG and row.process == "RUNNING":
                # A heartbeat of an earlier watchdog does not count.
                late_s = min(self._since_last_check_s(), row.uptime_s)
                if late_s > WATCHDOG_LATE_S:
                    row = replace(row, state=SILENT, reason=f"has not checked for {late_s:.0f} s")
            if name == RECORDER and row.process == "RUNNING":
                status = status_file.read_status(
                    Path(self._config.run_dir, recorder_status.FILE), RecorderStatus
                )
                row = recorder_row(row, status, time.time_ns())
            rows.append(row)
        for feed in self._feeds:
            spoken, port = received.get(feed.name), self._ports.get(feed.name)
            row = self._process(
                feed.name, infos.get(feed.name), known=hung is None, measured=spoken is None
            )
            if feed.source == "replay":
                # Its statuses are recorded ones, with the deployment of the recording.
                spoken = spoken or self._statuses.foreign.get(feed.name)
                listening = listening_row(row, [port or 0], owners)
                if listening.state == BLOCKED:
                    rows.append(replace(listening, port=port, exchange=feed.exchange))
                    continue
                exit_code = infos.get(feed.name, {}).get("exitstatus")
                progress = read_status(self._config.run_dir, feed.name)
                rows.append(replay_row(row, feed, port, spoken, exit_code, progress))
                continue
            if spoken is None and row.process == "RUNNING":
                row = replace(row, port=port, exchange=feed.exchange)
                rows.append(self._unheard(row, listening_row(row, [port or 0], owners)))
                continue
            through = {} if spoken is None else spoken.proxies_s
            lost = [name for name in sorted(forwarding) if through.get(name, 0.0) < since_s]
            rows.append(feed_row(row, feed, port, spoken, lost))
        return Report(
            tuple(rows), hung, deployment=self._deployment, remarks=self._remarks(since_s),
            market=self._market,
        )  # fmt: skip

    def _unheard(self, row: ProcessHealth, listening: ProcessHealth) -> ProcessHealth:
        """Return the row of a worker of which no status arrived."""
        if listening.state == BLOCKED:
            return listening
        reason = "no status arrived"
        if (earlier := self._statuses.received.get(row.name)) is not None:
            pid = earlier.status.get("pid")
            if pid != row.pid and earlier.at_s >= time.monotonic() - FRESH_S:
                reason += f" of it, but of an earlier process of this feed (pid {pid})"
        return replace(row, state=SILENT, reason=reason)

    def _remarks(self, since_s: float) -> tuple[str, ...]:
        remark, intruders = self._remark(), self._intruders(since_s)
        return intruders if remark is None else (remark, *intruders)

    def _intruders(self, since_s: float) -> tuple[str, ...]:
        """Name the workers of other deployments whose statuses arrive at our addresses."""
        found = []
        for name, received in sorted(self._statuses.foreign.items()):
            if received.at_s < since_s or name in self._replayed:
                continue
            through = sorted(proxy for proxy, at_s in received.proxies_s.items() if at_s >= since_s)
            where = [self._config.fan_outs()[proxy] for proxy in through]
            if received.own_s is not None and received.own_s >= since_s:
                where.append("a worker's port")
            found.append(
                f"{name} of {_deployment_text(received.status)} arrives from "
                f"{' and '.join(where)}: it is another project's, and is not counted"
            )
        return tuple(found)

    def _bound_ports(self, name: str) -> list[int]:
        """Return the TCP ports that a proxy or the exchange must listen at."""
        exchange = self._config.embedded_exchange
        if name == EXCHANGE and exchange is not None:
            return [exchange.port]
        if name == GATEWAY and (gateway := self._config.gateway_settings) is not None:
            return [gateway.port]
        if name not in self._proxies:
            return []
        endpoints = self._config.proxy_programs()[name]
        return [
            int(found[1])
            for endpoint in (endpoints.subscribers, endpoints.workers, endpoints.history)
            if (found := re.fullmatch(r"tcp://.*:(\d+)", endpoint))
        ]

    def _counted(self, report: Report, daemon: int) -> Report:
        """Return the report with the restarts that the watchdog has counted."""
        counts = restarts.read_counts(Path(self._config.run_dir, restarts.FILE), daemon)
        if counts is None:
            return report
        now_s = time.time()
        rows = []
        for row in report.processes:
            counted = counts.processes.get(row.name, restarts.Restarts())
            rows.append(
                replace(row, restarts=counted.total, restarts_last_hour=counted.last_hour(now_s))
            )
        return replace(report, processes=tuple(rows))

    def _process(
        self, name: str, info: dict[str, Any] | None, *, known: bool, measured: bool = True
    ) -> ProcessHealth:
        if not known:
            return ProcessHealth(name, UNKNOWN, None, 0)
        usage = self._usage(info["pid"]) if info and measured else Usage()
        return process_row(name, info, usage, Path(self._config.log_dir))

    def _since_last_check_s(self) -> float:
        """Return the time since the watchdog's last check; infinity if there was none."""
        try:
            return time.time() - Path(self._config.run_dir, HEARTBEAT_FILE).stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    def _names(self) -> list[str]:
        exchange = [] if self._config.embedded_exchange is None else [EXCHANGE]
        recorder = [] if self._config.recorder is None else [RECORDER]
        gateway = [] if self._config.gateway_settings is None else [GATEWAY]
        return [WATCHDOG, *self._proxies, *recorder, *gateway, *exchange]

    def _begin_usage(self, pids: set[int]) -> None:
        """Begin to measure the CPU of new processes, and forget those that have ended."""
        for pid in self._processes.keys() - pids:
            del self._processes[pid]
        for pid in pids - self._processes.keys():
            with suppress(psutil.Error):
                self._processes[pid] = psutil.Process(pid)
                self._processes[pid].cpu_percent()

    def _usage(self, pid: int) -> Usage:
        """Return the usage of a process; its CPU is of the time since the last call."""
        process = self._processes.get(pid)
        if process is None:
            return Usage()
        try:
            with process.oneshot():
                cpu = process.cpu_times()
                return Usage(
                    process.cpu_percent(),
                    round(process.memory_info().rss / 1e6, 1),
                    round(cpu.user + cpu.system, 2),
                )
        except psutil.NoSuchProcess:
            return Usage()


def _is_of(received: ReceivedStatus, info: dict[str, Any] | None, *, known: bool) -> bool:
    """Whether a status is of the process that supervisord runs, not of an earlier one."""
    return not known or (info is not None and received.status.get("pid") == info["pid"])


def _deployment_text(status: dict[str, Any]) -> str:
    deployment, pid = status.get("deployment"), status.get("pid")
    if deployment is None:
        return "an unknown deployment"
    return f"deployment {deployment} (pid {pid} there)"

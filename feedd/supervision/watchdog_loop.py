"""The watchdog's input and output: supervisord's processes, the feeds' statuses, signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import structlog

from feedd.config import applied
from feedd.errors import ConfigError, UnknownSymbolError
from feedd.runtime.deployment import deployment_id
from feedd.supervision import restarts
from feedd.supervision.daemon import Daemon, DaemonError
from feedd.supervision.exit_watcher import ExitWatcher
from feedd.supervision.project import worker_script
from feedd.supervision.render import FEED_WORKERS, PROXIES, RECORDER
from feedd.supervision.watchdog import SILENT_AFTER_S, ObservedProcess, Watchdog, receives
from feedd.transport.status_monitor import StatusMonitor

if TYPE_CHECKING:
    from feedd.supervision.listener import ListenerEvent
    from feedd.supervision.watchdog import RestartAction

STOP_FEEDS_WITHIN_S = 2.0
STOP_RECORDER_WITHIN_S = 1.2
STOP_REST_WITHIN_S = 1.2
WAKE_WITHIN_S = 0.5
RESTARTED_WITHIN_S = 0.3  # after supervisord was woken, or has reported a start
COUNTED_WITHIN_S = 0.1  # one write for processes that restart together
HEARTBEAT_FILE = "watchdog.heartbeat"  # below run_dir

_log = structlog.get_logger()


class WatchdogLoop:
    """Watches the processes of one supervisord and restarts them. Calls block for a short while."""

    def __init__(self, daemon: Daemon) -> None:
        self._applied_path = Path(daemon.root, applied.FILE)
        self._daemon = daemon
        self._read: tuple[int, int] | None = None
        settings = self._applied().config
        self._heartbeat = Path(settings.run_dir, HEARTBEAT_FILE)
        self._exchanges: dict[str, str] = {}  # of live feeds; replays are not judged
        self._lossless = settings.lossless
        self._statuses = StatusMonitor(settings.fan_outs(), (), deployment_id(settings.run_dir))
        self._rules = Watchdog()
        self._exits = ExitWatcher(self._wake_soon)
        self._waker = Daemon(daemon.root, WAKE_WITHIN_S)
        self._waking = False
        self._timer: asyncio.TimerHandle | None = None
        self._answers = True  # whether supervisord answered the last call
        self._restarts_file = Path(settings.run_dir, restarts.FILE)
        self._restarts = _counts(self._restarts_file)
        self._writing: asyncio.TimerHandle | None = None
        self._write_restarts()

    def check(self) -> None:
        """Receive statuses, apply the rules, and carry out the restarts."""
        self._reload_config()
        self._statuses.listen(0)
        now_s = time.monotonic()
        infos = self._daemon.processes()
        self._answers = True
        self._watch(infos)
        actions = self._rules.check([self._observe(info, now_s) for info in infos.values()], now_s)
        for note in self._rules.notes:
            _log.warning(note)  # as the event: repeats are counted per event
        self._rules.notes.clear()
        for action in actions:
            self._restart(action)
        self._touch_heartbeat()

    def count_start(self, event: ListenerEvent) -> None:
        """Count the start of a process if it was not requested; the file is written soon."""
        name, before = event.values["processname"], event.values["from_state"]
        if self._restarts.started(name, before, event.serial, time.time()) and not self._writing:
            loop = asyncio.get_running_loop()
            self._writing = loop.call_later(COUNTED_WITHIN_S, self._write_restarts)

    def _write_restarts(self) -> None:
        self._writing = None
        try:
            restarts.write_counts(self._restarts, self._restarts_file)
        except ConfigError as error:
            _log.warning("can't write the restarts", why=str(error))

    def _watch(self, infos: dict[str, dict[str, Any]]) -> None:
        self._exits.watch(info["pid"] for info in infos.values() if info["pid"])

    def _touch_heartbeat(self) -> None:
        """Update the heartbeat file, whose time `feedd status` checks."""
        try:
            self._heartbeat.touch()
        except OSError as error:
            _log.warning("can't write the heartbeat file", why=str(error))

    def close(self) -> None:
        """Close sockets and descriptors."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            self._writing.cancel()
            self._write_restarts()
        self._exits.close()
        self._statuses.close()

    def _wake_soon(self) -> None:
        """Wake supervisord once for all exits in this turn of the loop."""
        if self._answers and not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        try:
            self._waker.wake()
        except DaemonError as error:
            self._answers = False  # not called again until a check finds that it answers
            _log.warning("supervisord does not answer", why=str(error))
        else:
            self.watch_soon()

    def watch_soon(self) -> None:
        """Watch new processes, which may end before the next check; one call for many."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(RESTARTED_WITHIN_S, self._watch_new)

    def _watch_new(self) -> None:
        with contextlib.suppress(DaemonError):  # it is busy; the next check watches them
            self._watch(self._waker.processes())

    def _reload_config(self) -> None:
        """Read a newly applied configuration, and listen to its new symbols."""
        try:
            stat = self._applied_path.stat()
            if self._read == (stat.st_mtime_ns, stat.st_size):
                return
            found = self._applied()
        except (OSError, ConfigError) as error:
            _log.warning("can't read the configuration; the last one stays in use", why=str(error))
            return
        self._read = (stat.st_mtime_ns, stat.st_size)
        settings, given = found.config, found.ports
        self._lossless = settings.lossless
        # A replay repeats recorded statuses, and is silent where the recording is.
        live = [feed for feed in settings.feeds() if feed.source != "replay"]
        self._exchanges = {feed.name: feed.exchange for feed in live}
        self._statuses.add(given[feed.name] for feed in live)

    def _applied(self) -> applied.Applied:
        found = applied.read_applied(self._daemon.root)
        if found is None:
            raise ConfigError(f"{self._applied_path}: no such file; feedd start writes it")
        return found

    def _observe(self, info: dict[str, Any], now_s: float) -> ObservedProcess:
        name, pid, supervisor = info["name"], info["pid"], info["statename"]
        exchange = self._exchanges.get(name)
        if exchange is None:
            received_s = self._proxy_received_s(name, now_s) if name in PROXIES else now_s
            return ObservedProcess(name, pid, supervisor, received_s=received_s)
        received = self._statuses.received.get(name)
        # A status of an earlier process of the feed does not count.
        if received is None or received.status.get("pid") != pid:
            unlisted = supervisor == "EXITED" and info["exitstatus"] == UnknownSymbolError.exit_code
            return ObservedProcess(name, pid, supervisor, exchange, unlisted=unlisted)
        unwell = [c for c in received.status["channels"].values() if c["state"] != "live"]
        return ObservedProcess(
            name=name,
            pid=pid,
            supervisor=supervisor,
            exchange=exchange,
            state=received.status["state"],
            # At its own port, which a hung proxy can't hide; else through a proxy.
            received_s=received.at_s if received.own_s is None else received.own_s,
            tries=max((channel["tries"] for channel in unwell), default=0),
            waits=any(channel["waits"] for channel in unwell),
            receives=receives(received.status["channels"]),
            traded=received.status.get("listing") is None,
        )

    def _proxy_received_s(self, name: str, now_s: float) -> float | None:
        """Return when a proxy last forwarded; while no feed publishes, it has nothing to forward.

        A lossless proxy waits for its slowest subscriber, so it is not judged.
        """
        if self._lossless:
            return now_s
        received = self._statuses.received.values()
        if max((h.own_s or 0.0 for h in received), default=0.0) < now_s - SILENT_AFTER_S / 2:
            return now_s
        return max((h.proxies_s[name] for h in received if name in h.proxies_s), default=None)

    def _restart(self, action: RestartAction) -> None:
        _log.warning(f"restarting {action.name}", pid=action.pid, why=action.why)
        try:
            if action.how == "start":
                self._daemon.start([action.name])
            else:
                # supervisord expects neither end, and restarts the process. SIGHUP lets a stuck
                # one publish its last status; a silent one reacts to SIGKILL only.
                self._daemon.signal(action.name, "KILL" if action.how == "kill" else "HUP")
        except DaemonError as error:
            _log.warning(f"can't restart {action.name}", why=str(error))

    def stop_all(self) -> None:
        """Stop all that supervisord runs: all feeds at once, then the recorder, then the rest.

        supervisord itself stops one program after the other, and checks only once a second
        whether one has ended.
        """
        mine = os.getpid()
        children = [p for p in psutil.Process(os.getppid()).children() if p.pid != mine]
        root = self._daemon.root
        feeds = [p for p in children if _runs(p, root, *FEED_WORKERS.values())]
        recorders = [p for p in children if _runs(p, root, RECORDER)]
        _stop(feeds, STOP_FEEDS_WITHIN_S)
        _stop(recorders, STOP_RECORDER_WITHIN_S)  # it has recorded the feeds' last statuses
        _stop([p for p in children if p not in (*feeds, *recorders)], STOP_REST_WITHIN_S)


def _counts(path: Path) -> restarts.RestartCounts:
    """Return the counts under the running supervisord, this process' parent, or new ones."""
    daemon = psutil.Process(os.getppid())
    since_s = daemon.create_time()
    return restarts.read_counts(path, daemon.pid, since_s) or restarts.RestartCounts(
        daemon.pid, since_s
    )


def _runs(process: psutil.Process, root: Path, *workers: str) -> bool:
    scripts = {worker_script(root, worker) for worker in workers}
    try:
        return not scripts.isdisjoint(process.cmdline())
    except psutil.Error:
        return False


def _stop(processes: list[psutil.Process], within_s: float) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, within_s)
    for process in left:
        _log.warning("killed: it did not stop", pid=process.pid, within_s=within_s)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()

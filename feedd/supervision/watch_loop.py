"""What the watchdog sees and does: supervisord's processes, the feeds' statuses, signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import structlog

from feedd.config import ports
from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.supervision.daemon import Daemon, DaemonError
from feedd.supervision.deaths import Deaths
from feedd.supervision.project import worker_script
from feedd.supervision.render import FEED_WORKERS, PROXIES, RECORDER
from feedd.supervision.watchdog import MUTE_AFTER_S, Process, Watchdog
from feedd.transport.status_monitor import Statuses

if TYPE_CHECKING:
    from feedd.supervision.watchdog import Verdict

END_FEEDS_WITHIN_S = 2.0
END_RECORDER_WITHIN_S = 1.2
END_REST_WITHIN_S = 1.2
WAKE_WITHIN_S = 0.5
STARTED_ANEW_S = 0.3  # after supervisord was woken, or has told of a start
START_TOLERANCE_S = 2  # supervisord tells the start of a process in whole seconds
HEARTBEAT = "watchdog.beat"  # below run_dir

_log = structlog.get_logger()


class Guard:
    """Looks after the processes of one supervisord. Calls to it block for a short while."""

    def __init__(self, config_path: Path, daemon: Daemon) -> None:
        self._config_path = config_path
        self._daemon = daemon
        self._read: tuple[int, int] | None = None
        settings = load_config(config_path)
        self._heartbeat = Path(settings.run_dir, HEARTBEAT)
        self._exchanges: dict[str, str] = {}  # of the feeds that are judged: not of replays
        self._lossless = settings.lossless
        self._statuses = Statuses(settings.fan_outs(), ())
        self._rules = Watchdog()
        self._deaths = Deaths(self._wake_soon)
        self._waker = Daemon(daemon.root, WAKE_WITHIN_S)
        self._waking = False
        self._anew: asyncio.TimerHandle | None = None
        self._answers = True  # whether supervisord did when it was last called

    def look(self) -> None:
        """Hear what the feeds say, judge, and do what follows."""
        self._take_in_changes()
        self._statuses.listen(0)
        now_s = time.monotonic()
        infos = self._daemon.processes()
        self._answers = True
        self._watch(infos)
        verdicts = self._rules.look([self._seen(info, now_s) for info in infos.values()], now_s)
        for note in self._rules.notes:
            _log.warning(note)  # the text itself: of one text, what repeats is only counted
        self._rules.notes.clear()
        for verdict in verdicts:
            self._carry_out(verdict)
        self._beat()

    def _watch(self, infos: dict[str, dict[str, Any]]) -> None:
        self._deaths.watch(info["pid"] for info in infos.values() if info["pid"])

    def _beat(self) -> None:
        """Leave a sign that the watchdog itself is well: `feedd status` looks at its time."""
        try:
            self._heartbeat.touch()
        except OSError as error:
            _log.warning("the heartbeat can't be written", why=str(error))

    def close(self) -> None:
        """Close what is open."""
        if self._anew is not None:
            self._anew.cancel()
        self._deaths.close()
        self._statuses.close()

    def _wake_soon(self) -> None:
        """Have supervisord woken once for all ends of this turn of the loop."""
        if self._answers and not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        try:
            self._waker.wake()
        except DaemonError as error:
            self._answers = False  # it is not asked again before a look finds that it does
            _log.warning("supervisord does not answer", why=str(error))
        else:
            self.watch_soon()

    def watch_soon(self) -> None:
        """Watch what was just started, which may end before the next look; of many, all at once."""
        if self._anew is not None:
            self._anew.cancel()
        self._anew = asyncio.get_running_loop().call_later(STARTED_ANEW_S, self._watch_anew)

    def _watch_anew(self) -> None:
        with contextlib.suppress(DaemonError):  # it has much to do, and the next look sees to it
            self._watch(self._waker.processes())

    def _take_in_changes(self) -> None:
        """Listen to the symbols that the configuration has gained."""
        try:
            stat = self._config_path.stat()
            if self._read == (stat.st_mtime_ns, stat.st_size):
                return
            settings = load_config(self._config_path)
            given = ports.assign(settings, self._config_path, remember=False)
        except (OSError, ConfigError) as error:
            _log.warning("the configuration can't be read; the last one counts", why=str(error))
            return
        self._read = (stat.st_mtime_ns, stat.st_size)
        self._lossless = settings.lossless
        # A replay says what was said then, and is silent where the recording is.
        live = [feed for feed in settings.feeds() if feed.source != "replay"]
        self._exchanges = {feed.name: feed.exchange for feed in live}
        self._statuses.add(given[feed.name] for feed in live)

    def _seen(self, info: dict[str, Any], now_s: float) -> Process:
        name, pid, supervisor = info["name"], info["pid"], info["statename"]
        exchange = self._exchanges.get(name)
        if exchange is None:
            heard_s = self._proxy_heard_s(name, now_s) if name in PROXIES else now_s
            return Process(name, pid, supervisor, heard_s=heard_s)
        heard = self._statuses.heard.get(name)
        # A session is numbered by the time of its start; what an earlier life said counts no more.
        if heard is None or heard.status["session"] < (info["start"] - START_TOLERANCE_S) * 1000:
            return Process(name, pid, supervisor, exchange)
        unwell = [c for c in heard.status["channels"].values() if c["state"] != "live"]
        return Process(
            name=name,
            pid=pid,
            supervisor=supervisor,
            exchange=exchange,
            state=heard.status["state"],
            # At its own port, which a proxy that hangs can't hide; but whoever was only heard
            # through one has spoken all the same.
            heard_s=heard.at_s if heard.own_s is None else heard.own_s,
            tries=max((channel["tries"] for channel in unwell), default=0),
            waits=any(channel["waits"] for channel in unwell),
        )

    def _proxy_heard_s(self, name: str, now_s: float) -> float | None:
        """Return when a proxy forwarded last; while no feed speaks it has nothing to forward.

        One that waits for its slowest subscriber is judged by nothing that it forwards.
        """
        if self._lossless:
            return now_s
        heard = self._statuses.heard.values()
        if max((h.own_s or 0.0 for h in heard), default=0.0) < now_s - MUTE_AFTER_S / 2:
            return now_s
        return max((h.proxies_s[name] for h in heard if name in h.proxies_s), default=None)

    def _carry_out(self, verdict: Verdict) -> None:
        _log.warning(f"restarting {verdict.name}", pid=verdict.pid, why=verdict.why)
        try:
            if verdict.how == "start":
                self._daemon.start([verdict.name])
            else:
                # Either end is unexpected to supervisord, which starts the process anew. One that
                # is only stuck may say its last word; one that is mute hears no signal but this.
                self._daemon.signal(verdict.name, "KILL" if verdict.how == "kill" else "HUP")
        except DaemonError as error:
            _log.warning(f"{verdict.name} could not be restarted", why=str(error))

    def end_all(self) -> None:
        """End all that supervisord runs: the feeds, the recorder, the rest, each all at once.

        supervisord by itself stops one program after the other, and looks only once a second
        whether one has ended.
        """
        mine = os.getpid()
        children = [p for p in psutil.Process(os.getppid()).children() if p.pid != mine]
        root = self._daemon.root
        feeds = [p for p in children if _runs(p, root, *FEED_WORKERS.values())]
        recorders = [p for p in children if _runs(p, root, RECORDER)]
        _end(feeds, END_FEEDS_WITHIN_S)
        _end(recorders, END_RECORDER_WITHIN_S)  # it has heard the feeds' last words
        _end([p for p in children if p not in (*feeds, *recorders)], END_REST_WITHIN_S)


def _runs(process: psutil.Process, root: Path, *workers: str) -> bool:
    scripts = {worker_script(root, worker) for worker in workers}
    try:
        return not scripts.isdisjoint(process.cmdline())
    except psutil.Error:
        return False


def _end(processes: list[psutil.Process], within_s: float) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, within_s)
    for process in left:
        _log.warning("killed: it did not end", pid=process.pid, within_s=within_s)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()

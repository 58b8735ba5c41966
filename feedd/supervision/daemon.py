"""Client of supervisord: start it, query it, change what it runs, stop it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import time
import xmlrpc.client
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from supervisor.xmlrpc import Faults

from feedd.errors import ConfigError, FeeddError
from feedd.runtime.process import DAEMON_PID_FILE
from feedd.supervision.folder_processes import pid_runs, supervisord_of, whose
from feedd.supervision.project import CONF
from feedd.supervision.project_paths import SUPERVISOR_SOCKET
from feedd.supervision.render import EXCHANGE, INCLUDE, PID_FILE, PROXIES

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
ORPHANS_END_S = 2.0
KILL_FEEDS_AFTER_S, KILL_REST_AFTER_S = 2.0, 1.2  # when everything is to end
CALL_TIMEOUT_S = 5.0
NOT_RUNNING = frozenset({"STOPPED", "EXITED", "FATAL"})


class DaemonError(FeeddError):
    """supervisord did not carry out a call."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class _NotRunningError(DaemonError):
    """Nothing listens on supervisord's socket."""


class HungError(DaemonError):
    """supervisord is running, and does not answer."""


class _UnixTransport(xmlrpc.client.Transport):
    """XML-RPC over supervisord's Unix socket, with a timeout, which supervisor's own lacks."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__()
        self._path = path
        self._timeout_s = timeout_s

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(str(host))
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(self._timeout_s)
        try:
            connection.sock.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        self._connection = host, connection  # which close() closes
        return connection


class Daemon:
    """The supervisord of one project folder; each call waits up to `timeout_s`."""

    def __init__(self, root: Path, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self.root = root
        self._timeout_s = timeout_s

    @property
    def pid(self) -> int | None:
        """Its process id, or None if it is not running.

        Raises HungError if it is running and does not answer.
        """
        try:
            return int(self._call("getPID"))
        except _NotRunningError:
            return None

    @property
    def runs(self) -> bool:
        """Whether it is running, even if it does not answer."""
        try:
            return self.pid is not None
        except HungError:
            return True

    def environment(self, pid: int) -> dict[str, str] | None:
        """Return the variables that supervisord was started with, and its programs with it.

        None where the system does not allow it, or where it has ended.
        """
        try:
            return dict(psutil.Process(pid).environ())
        except (psutil.Error, OSError):
            return None

    def moved_from(self, pid: int) -> str | None:
        """Return the folder's path when supervisord was started, where it is another one now.

        supervisord, of this pid, then can neither restart a process nor read its configuration.
        """
        try:
            words = psutil.Process(pid).cmdline()
        except psutil.Error:
            return None
        named = [Path(word) for word in words if Path(word).name == CONF]
        if not named or not named[0].is_absolute():
            return None
        with contextlib.suppress(OSError):
            if named[0].samefile(self.root / CONF):
                return None
        return str(named[0].parent)

    def refuse_moved(self) -> None:
        """Raise DaemonError if the folder was renamed while supervisord runs."""
        pid = self.pid
        before = None if pid is None else self.moved_from(pid)
        if before is not None:
            raise DaemonError(
                f"this folder was {before} when feedd was started; run feedd stop, then feedd start"
            )

    def wake(self) -> None:
        """Make it check its processes now, as any call does, and not only within a second."""
        self._call("getPID")

    def unreachable(self) -> str | None:
        """Return a sentence on a supervisord of this folder whose socket is gone; None without."""
        found = supervisord_of(self.root)
        if found is None:
            return None
        return f"supervisord (pid {found.pid}) runs here, but {SUPERVISOR_SOCKET} is gone"

    def end_unreachable(self) -> bool:
        """End a supervisord that no call can reach, with its processes; return whether one ran."""
        found = supervisord_of(self.root)
        if found is None:
            return False
        if found.user != psutil.Process().username():
            raise ConfigError(whose(self.root))
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(found.pid)
            process.terminate()  # it stops its programs in order
            if psutil.wait_procs([process], STOP_TIMEOUT_S)[1]:
                process.kill()
        self.end_orphans()
        return True

    def end_orphans(self) -> list[int]:
        """End processes that an earlier supervisord of this folder left behind; return the pids.

        Workers end when supervisord does, except one that hangs: it would keep its port. Raises
        DaemonError if supervisord is still running and only does not answer.
        """
        deadline = time.monotonic() + ORPHANS_END_S  # one that has removed its socket is ending
        while (unreachable := self.unreachable()) is not None:
            if time.monotonic() > deadline:
                raise DaemonError(f"{unreachable}; end it with feedd stop")
            time.sleep(0.05)
        orphans = [p for p in psutil.process_iter() if _belongs_to(p, self.root)]
        for orphan in orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.terminate()
        for orphan in psutil.wait_procs(orphans, ORPHANS_END_S)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.kill()
        psutil.wait_procs(orphans, ORPHANS_END_S)
        return [orphan.pid for orphan in orphans]

    def spawn(self, preexec: Callable[[], None] | None = None) -> subprocess.Popen[bytes] | None:
        """Start supervisord and wait until it answers.

        It becomes a daemon. With `preexec`, which is called in the new process, it stays a child in
        its own session, and is returned. Raises DaemonError if it does not start.
        """
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.root / CONF)]
        options: dict[str, Any] = {
            "cwd": self.root, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
        }  # fmt: skip
        child: subprocess.Popen[bytes] | None = None
        if preexec is None:
            done = subprocess.run(command, check=False, timeout=START_TIMEOUT_S, **options)
            if done.returncode:
                raise DaemonError(f"supervisord did not start: {_error_line(done.stdout)}")
        else:
            options["stdout"] = subprocess.DEVNULL
            child = subprocess.Popen(
                [*command, "-n"], start_new_session=True, preexec_fn=preexec, **options
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        try:
            while self.pid is None:
                if time.monotonic() > deadline or (child is not None and child.poll() is not None):
                    log = self.root / "logs" / "supervisord.log"
                    raise DaemonError(f"supervisord did not start; see {log}")
                time.sleep(0.05)
        except BaseException:
            if child is not None:
                child.terminate()
                child.wait()
            raise
        if not self.processes():
            self.shutdown()
            raise DaemonError(
                f"supervisord read no program; {self.root / CONF} must have files={INCLUDE} in its "
                "section [include]"
            )
        return child

    def processes(self) -> dict[str, dict[str, Any]]:
        """Return supervisord's information on each program, by name.

        http://supervisord.org/api.html#supervisor.rpcinterface.SupervisorNamespaceRPCInterface.getProcessInfo
        """
        return {info["name"]: info for info in self._call("getAllProcessInfo")}

    def apply(self, only: Container[str] | None = None) -> tuple[list[str], list[str]]:
        """Apply a newly written include; return the names of programs started and stopped.

        Unchanged programs keep their processes, and are started if they are not running. With
        `only`, no other program is touched: one that was stopped on purpose stays stopped, and
        other changes wait for the next call.
        """
        added, changed, removed = (
            [name for name in names if only is None or name in only]
            for names in self._call("reloadConfig")[0]
        )
        self.stop([*changed, *removed])
        for name in (*changed, *removed):
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)
        idle = [
            name
            for name, info in self.processes().items()
            if info["statename"] in NOT_RUNNING
            and name not in added
            and name not in changed
            and (only is None or name in only)
        ]
        self.start(idle)
        return [*added, *changed, *idle], removed

    def start(self, names: Iterable[str]) -> None:
        """Start programs, without waiting until they run."""
        for name in names:
            try:
                self._call("startProcess", name, False)
            except DaemonError as error:
                if error.code != Faults.ALREADY_STARTED:  # by supervisord itself, or by hand
                    raise

    def stop(self, names: Iterable[str], kill_after_s: float = STOP_TIMEOUT_S) -> None:
        """Stop programs, all at once, and wait until they have ended.

        supervisord kills a program that has not ended after STOP_WAIT_S; this method kills it after
        `kill_after_s`. Raises DaemonError if one does not end.
        """
        names = list(names)
        for name in names:
            try:
                self._call("stopProcess", name, False)
            except DaemonError as error:
                if error.code != Faults.NOT_RUNNING:  # it has ended, or is ending
                    raise
        began_s = time.monotonic()
        killed = False
        while True:
            infos = self.processes()
            left = [name for name in names if infos[name]["statename"] not in NOT_RUNNING]
            if not left:
                return
            passed_s = time.monotonic() - began_s
            if passed_s > kill_after_s and not killed:
                killed = True
                for name in left:
                    with contextlib.suppress(DaemonError):  # it has just ended
                        self.signal(name, "KILL")
            if passed_s > STOP_TIMEOUT_S:
                raise DaemonError(f"{', '.join(left)} did not stop")
            time.sleep(0.02)

    def signal(self, name: str, signal: str) -> None:
        """Send a signal, e.g. HUP, to a program's process."""
        self._call("signalProcess", name, signal)

    def shutdown(self) -> None:
        """Stop the feeds, then what they depend on, then supervisord; wait until it has ended.

        Takes up to 5 s: processes that hang are killed. Raises DaemonError if supervisord stays.
        """
        pid = self.pid
        if pid is None:
            return
        names = list(self.processes())
        last = {*PROXIES, EXCHANGE}
        self.stop((name for name in names if name not in last), KILL_FEEDS_AFTER_S)
        self.stop((name for name in names if name in last), KILL_REST_AFTER_S)
        self._call("shutdown")
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while pid_runs(pid):
            if time.monotonic() > deadline:
                raise DaemonError(f"supervisord (pid {pid}) did not stop")
            time.sleep(0.02)

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = _UnixTransport(Path(self.root, SUPERVISOR_SOCKET), self._timeout_s)
        try:
            with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as server:
                return getattr(server, f"supervisor.{method}")(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:
                raise DaemonError(
                    "the last supervisord of this folder is still stopping; wait a few seconds"
                ) from None
            raise DaemonError(f"supervisord: {fault.faultString}", fault.faultCode) from None
        except TimeoutError:
            raise HungError(
                f"supervisord is running, but has not answered for {self._timeout_s:.0f} s; wait, "
                f"or kill the pid in {PID_FILE}"
            ) from None
        except PermissionError:
            raise ConfigError(whose(self.root)) from None
        except (OSError, xmlrpc.client.Error) as error:
            raise _NotRunningError(f"supervisord does not answer: {error}") from None


def _belongs_to(process: psutil.Process, root: Path) -> bool:
    """Whether a process was started by a supervisord of this folder, also under another name."""
    try:
        return DAEMON_PID_FILE in process.environ() and process.cwd() == str(root)
    except (psutil.Error, OSError):  # another user's, or just ended
        return False


def _error_line(output: bytes) -> str:
    """Return supervisord's error; a hint at its help may follow it."""
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return (errors or lines or ["without output"])[-1]

"""Processes of a benchmark: started together, measured, and ended whatever happens."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from bench.errors import BenchError
from bench.recording import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STOP_WITHIN_S = 5.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h
CPUCLOCK_SCHED = 2  # include/linux/posix-timers.h of the kernel
UNWANTED = ("BINANCE_", "FEEDD_CONFIG", "ZMQ_FEED_HANDLER_URL", "SUPERVISOR_", "HTTP_PROXY",
            "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
            "PYTHONDONTWRITEBYTECODE")  # fmt: skip

_libc = ctypes.CDLL(None)


class Processes:
    """Starts processes in a folder; leaving it ends them all, the last one first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[tuple[str, subprocess.Popen[Any]]] = []

    def start(
        self, name: str, command: Sequence[object], *, talks: bool = False
    ) -> subprocess.Popen[Any]:
        """Start one; with `talks`, its standard input and output are pipes of text."""
        with self._output(name).open("wb") as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else output,
                stderr=output,
                text=talks,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  no other thread runs here
            )
        self._started.append((name, process))
        return process

    def stop(self, process: subprocess.Popen[Any], sign: int = signal.SIGTERM) -> None:
        """End one that was started here, and wait for its end."""
        if process.poll() is None:
            process.send_signal(sign)
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._started = [(name, one) for name, one in self._started if one is not process]

    def check(self) -> None:
        """Raise BenchError, with its last words, where one has ended by itself."""
        for name, process in self._started:
            if process.poll() is not None:
                lines = self._output(name).read_text(errors="replace").strip().splitlines()
                why = lines[-1] if lines else "no output"
                raise BenchError(f"{name} ended with {process.returncode}: {why}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for _, process in reversed(self._started):
            self.stop(process)

    def _output(self, name: str) -> Path:
        return self.folder / f"{name}.out"


def environment() -> dict[str, str]:
    """Return the environment without what would change a handler's behaviour."""
    return {k: v for k, v in os.environ.items() if not k.startswith(UNWANTED)} | {
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
    }


def cpu_ns(pid: int) -> int:
    """Return the CPU time, user and system, that a process has taken, all threads.

    It is the process' own clock, which clock_getcpuclockid(3) names: exact to the nanosecond,
    where /proc has ticks of 10 ms. Raises ProcessLookupError when it is gone.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)
    except OSError as error:
        raise ProcessLookupError(f"pid {pid} has no clock: {error.strerror}") from None


def pss_mb(pid: int) -> float:
    """Return a process' proportional set size, shared pages divided by who shares them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise BenchError(f"/proc/{pid}/smaps_rollup has no Pss")


def free_ports(count: int) -> list[int]:
    """Return ports in a row that nobody has, below those that outgoing connections take."""
    while True:
        first = random.randrange(10_000, 20_000)  # noqa: S311  not for a secret
        sockets = [socket.socket() for _ in range(count)]
        try:
            for number, one in enumerate(sockets):
                one.bind(("127.0.0.1", first + number))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
        return list(range(first, first + count))


def until(
    condition: Callable[[], Any], timeout_s: float, what: str, processes: Processes | None = None
) -> Any:
    """Return the first true value of a condition; raise BenchError after a time."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if processes is not None:
            processes.check()
        if time.monotonic() > deadline:
            raise BenchError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.01)
    return value


def next_line(pipe: IO[str] | None) -> str:
    """Return the next line of a process's output; raise BenchError if it has ended."""
    line = "" if pipe is None else pipe.readline()
    if not line:
        raise BenchError("a process of the bench has ended unexpectedly")
    return line.strip()


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

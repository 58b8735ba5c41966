"""feedd's own processes on the embedded exchange's generated market, for many symbols."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import yaml

from bench.errors import BenchError
from bench.processes import cpu_ns, environment, free_ports
from bench.recording import ROOT
from bench.wide_exchange import symbols
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.processes import Processes
    from feedd.transport.subscriber import Subscriber

ENDS_WITHIN_S = 5.0
ERROR_CHARACTERS = 200  # of a failed command: with 200 feeds it prints the state of each
WORKERS = ("feed", "gateway", "proxy", "recorder", "watchdog")


class Line:
    """A folder with a configuration of so many symbols; nothing runs yet.

    It has what supervisord needs, and its exchange lists as many symbols as are asked for.
    """

    def __init__(self, folder: Path, source: str, count: int, **settings: Any) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "workers").mkdir(parents=True)
        for name in WORKERS:
            (folder / "workers" / f"{name}.py").symlink_to(ROOT / "workers" / f"{name}.py")
        exchange = folder / "workers" / "exchange.py"
        exchange.symlink_to(ROOT / "bench" / "wide_exchange.py")
        shutil.copy(ROOT / "supervisord.conf", folder)
        self.config = folder / "config" / "feedd.yaml"
        self.config.parent.mkdir()
        self.truth = folder / "truth.jsonl"
        self.symbols = symbols(count)
        exchange_port, proxy, base, *_ = free_ports(3 + count)
        self.endpoint = f"tcp://127.0.0.1:{proxy}"
        self.exchange_port = exchange_port
        generated = settings.pop("embedded_exchange", {})
        self.config.write_text(yaml.safe_dump({
            "source": source,
            "symbols": self.symbols,
            "channels": ["quote"],
            "proxy": {
                "subscribers": self.endpoint,
                "workers": f"ipc://{folder}/workers.sock",
                "history": f"ipc://{folder}/history.sock",
            },
            "base_port": base,
            "run_dir": str(folder / "run"),
            "log_dir": str(folder / "logs"),
            "gateway": False,  # its cost is measured by itself: bench/gateway.py
            **({} if "endpoint" in settings else {"embedded_exchange": {
                "port": exchange_port, "rate": 10, "bursts": False, **generated,
            }}),
            **settings,
        }))  # fmt: skip

    def start(self, processes: Processes, worker: str, *words: str) -> subprocess.Popen[Any]:
        """Start one worker without supervisord."""
        command = [sys.executable, self.folder / "workers" / f"{worker}.py", *words]
        return processes.start(
            f"{worker}-{'-'.join(words)}".replace("/", "-"),
            [*command, "--config", self.config, "--log-dir", self.folder / "logs"],
        )

    @property
    def daemon(self) -> Daemon:
        """Its supervisord."""
        return Daemon(self.folder)

    def end(self) -> None:
        """End its supervisord, and all that works in its folder: also a start that was broken off.

        Of that one supervisord may only just begin, and answers nobody yet.
        """
        try:
            self.daemon.shutdown()
        finally:
            left = [one for one in psutil.process_iter() if _works_in(one, self.folder)]
            for one in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.terminate()
            for one in psutil.wait_procs(left, ENDS_WITHIN_S)[1]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()


def feedd(line: Line, *words: str, timeout_s: float) -> float:
    """Run a command of feedd's in a line's folder; return how many seconds it took."""
    began_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "feedd", *words],
        cwd=line.folder, env=environment(), capture_output=True, text=True, timeout=timeout_s,
        check=False,
    )  # fmt: skip
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        why = lines[-1][:ERROR_CHARACTERS] if lines else "no output"
        raise BenchError(f"feedd {' '.join(words)} ended with {done.returncode}: {why}")
    return time.monotonic() - began_s


def first(
    subscriber: Subscriber, wanted: Callable[[str, dict[str, Any]], bool], timeout_s: float
) -> tuple[int, dict[str, Any]]:
    """Return when the first message came that is wanted (ns), and its map."""
    deadline = time.monotonic() + timeout_s
    while (left := deadline - time.monotonic()) > 0:
        message = subscriber.receive(left)
        if message is not None and wanted(*message):
            return time.time_ns(), message[1]
    raise BenchError(f"what was waited for did not come within {timeout_s:.0f} s")


def wait_for_all(subscriber: Subscriber, names: list[str], timeout_s: float) -> None:
    """Return when a quote of every symbol has come."""
    left = set(names)

    def last_one(topic: str, message: dict[str, Any]) -> bool:
        if topic.startswith("quote."):
            left.discard(message["symbol"])
        return not left

    first(subscriber, last_one, timeout_s)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder)
    except psutil.Error:  # another user's, or just ended
        return False


def cpu_of(pids: list[int]) -> int:
    """Return the CPU time of some processes together, in ns."""
    return sum(cpu_ns(pid) for pid in pids)

"""Where a handler's CPU goes, by library: perf(1) beside it, where there is one."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.one_handler import Sender, folder, running
from bench.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.handlers import Handler

NO_PERF = "there is no perf here: where the CPU goes is left out"
SAMPLES_PER_S = 2000
BEGINS_S = 0.5  # perf's own start
ENDS_WITHIN_S = 20.0
PARTS = (  # by what a library's file is called
    ("[kernel", "kernel"), ("libpython", "Python"), ("_core.", "msgspec"), ("picows", "picows"),
    ("loop.", "uvloop"), ("transport.", "picows"), ("libc.", "libc"),
)  # fmt: skip


def shares(handler: Handler, peers: Path, quotes: int, pace_s: float) -> list[dict[str, Any]]:
    """Return each load's samples by part, as fractions; empty without perf.

    perf itself takes time, so that only the fractions are of use.
    """
    if shutil.which("perf") is None:
        print(NO_PERF, flush=True)
        return []
    found = []
    with folder() as own, Processes(own) as at:
        sender = Sender(at)
        for load in ("blast", "pace"):
            data = own / f"{load}.perf"
            with (
                running(handler, sender, at, peers, quotes + 2000) as up,
                _recorded(up.process.pid, data),
            ):
                if load == "blast":
                    sender.command("blast", quotes)
                else:
                    sender.command("pace", 0.0, pace_s, own / "sent.log")
            for part, share in _by_part(data).items():
                found.append({"load": load, "part": part, "share": share})
            print(f"  where  {load}: {handler.name}", flush=True)
    return found


@contextmanager
def _recorded(pid: int, data: Path) -> Iterator[None]:
    command = ["perf", "record", "-q", "-F", str(SAMPLES_PER_S), "-p", str(pid), "-o", str(data)]
    perf = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(BEGINS_S)
        yield
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait(ENDS_WITHIN_S)


def _by_part(data: Path) -> dict[str, float]:
    command = ["perf", "report", "-i", str(data), "--sort", "dso", "-t", ";", "-g", "none"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        words = [word.strip() for word in line.split(";")]
        if line.startswith("#") or len(words) != 2:
            continue
        share, library = words
        part = next((name for mark, name in PARTS if mark in library), "the rest")
        found[part] += float(share.rstrip("%")) / 100
    if not found:
        raise BenchError(f"perf recorded nothing: {done.stderr.strip()[-200:]}")
    return found

"""One handler, measured once: at a blast, or at the recording's pace."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bench import recording
from bench.arrivals import Arrivals, latencies_us, sent, subscribe
from bench.errors import BenchError
from bench.figures import percentile
from bench.handlers import Handler, Place
from bench.processes import Processes, cpu_ns, free_ports, next_line, until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

LIVE_WITHIN_S = 30.0
SETTLED_AFTER_S = 0.4  # without another message, and without work
SETTLED_WITHIN_S = 90.0
IDLE = 0.05  # of a core; a worker that waits takes less
FRACTIONS = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


@dataclass
class Measured:
    """What one handler did with one load. Times are µs; CPU is user and system, start excluded."""

    handler: str
    load: str
    sent: int
    received: int
    cpu_us: float  # of the handler, for each message that was sent
    per_s: float | None  # received a second, from the first that was sent to the last received
    proxy_cpu_us: float | None = None
    latency_us: dict[str, float] = field(default_factory=dict)
    latencies_us: list[float] = field(default_factory=list)

    @property
    def delivered(self) -> float:
        """The fraction that came."""
        return self.received / self.sent

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "delivered": self.delivered}


class Sender:
    """The exchange's side, in a process of its own; it serves one handler after the other."""

    def __init__(self, processes: Processes, symbols: str = "BTCUSDT") -> None:
        command = [sys.executable, "-m", "bench.sender", recording.recording(), symbols]
        self._process = processes.start("sender", command, talks=True)
        self.port = int(json.loads(next_line(self._process.stdout))["port"])

    def command(self, *words: object) -> dict[str, Any]:
        """Give a command, and return what came of it when it is done."""
        pipe: IO[str] | None = self._process.stdin
        if pipe is None:
            raise BenchError("the sender has no standard input")
        print(*words, file=pipe, flush=True)
        answer: dict[str, Any] = json.loads(next_line(self._process.stdout))
        if "error" in answer:
            raise BenchError(f"the sender: {answer['error']}")
        return answer


@dataclass
class Running:
    """A handler that is up, with its subscriber."""

    process: subprocess.Popen[Any]
    proxy: subprocess.Popen[Any] | None
    log: Arrivals


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder for a part's processes; a short path, since sockets stand in it."""
    path = Path(tempfile.mkdtemp(prefix="feedd-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def blast(handler: Handler, sender: Sender, at: Processes, peers: Path, count: int) -> Measured:
    """Measure what a handler does with quotes that come as fast as it takes them."""
    capacity = count + 2000 if handler.publishes else 1  # what only counts has no time for more
    with running(handler, sender, at, peers, capacity) as up:
        mark, cpu0 = up.log.count, cpu_ns(up.process.pid)
        result = sender.command("blast", count)
        _settle(up, handler)
        cpu1 = cpu_ns(up.process.pid)
        received = up.log.count - mark
        last_ns = up.log.last_ns()
    per_s = (
        received * 1e9 / (last_ns - result["began_ns"]) if handler.publishes and received else None
    )
    cpu_us = (cpu1 - cpu0) / 1e3 / count
    return Measured(handler.name, "blast", count, received, cpu_us, per_s)


def pace(
    handler: Handler, sender: Sender, at: Processes, peers: Path, part: tuple[float, float]
) -> Measured:
    """Measure what a handler does with a slice of the recording as it came."""
    log = at.folder / "sent.log"
    with running(handler, sender, at, peers, 200_000) as up:
        mark, cpu0 = up.log.count, cpu_ns(up.process.pid)
        proxy0 = cpu_ns(up.proxy.pid) if up.proxy else 0
        result = sender.command("pace", *part, log)
        cpu1 = cpu_ns(up.process.pid)
        proxy1 = cpu_ns(up.proxy.pid) if up.proxy else 0
        _settle(up, handler)
        arrivals = up.log.since(mark)
    count = result["sent"]
    found = latencies_us(arrivals, sent(log))
    result = Measured(
        handler.name,
        "pace",
        count,
        len(arrivals),
        (cpu1 - cpu0) / 1e3 / count,
        len(arrivals) / (part[1] - part[0]),
        (proxy1 - proxy0) / 1e3 / count if up.proxy else None,
    )
    result.latencies_us = [round(one, 1) for one in found]
    if found:
        result.latency_us = {name: percentile(found, at) for name, at in FRACTIONS.items()}
    return result


@contextmanager
def running(
    handler: Handler, sender: Sender, at: Processes, peers: Path, capacity: int
) -> Iterator[Running]:
    """Start a handler with its subscriber, and yield when quotes come through and it is quiet."""
    own = at.folder / handler.name
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    port, proxy_port, _ = free_ports(3)
    place = Place(own, sender.port, port, peers)
    log = Arrivals(own / "arrivals.log", capacity)
    started: list[subprocess.Popen[Any]] = []
    proxy = None
    try:
        command = handler.command(place)
        if handler.proxied:
            worker = [sys.executable, "workers/proxy.py", "--config", own / "feedd.yaml"]
            proxy = at.start("proxy", [*worker, "--log-dir", own / "logs"])
            started.append(proxy)
        endpoint = f"tcp://127.0.0.1:{proxy_port}" if handler.proxied else place.endpoint
        if handler.publishes:
            started.append(subscribe(at, log, endpoint, handler.prefix, bind=handler.connects))
        process = at.start(handler.name, command)
        started.append(process)
        sender.command("warm")
        try:
            until(lambda: log.count, LIVE_WITHIN_S, f"a quote from {handler.name}", at)
            connections = f"{handler.readers} connections of {handler.name}"
            until(
                lambda: sender.command("readers")["readers"] >= handler.readers,
                LIVE_WITHIN_S,
                connections,
                at,
            )
            time.sleep(0.3)  # what a start leaves to do
        finally:
            sender.command("hush")
        up = Running(process, proxy, log)
        _settle(up, handler)
        yield up
        at.check()
    finally:
        for one in reversed(started):
            at.stop(one)
        log.close()


def _settle(running: Running, handler: Handler) -> None:
    """Wait until nothing more comes and the handler has nothing more to do."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        count, cpu = running.log.count, cpu_ns(running.process.pid)
        time.sleep(SETTLED_AFTER_S)
        busy = (cpu_ns(running.process.pid) - cpu) / 1e9 / SETTLED_AFTER_S
        if running.log.count == count and busy < IDLE:
            return
        if time.monotonic() > deadline:
            raise BenchError(f"{handler.name} was not done within {SETTLED_WITHIN_S:.0f} s")

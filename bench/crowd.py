"""Well-behaved subscribers in a crowd, on a machine without spare CPU: `make bench CROWD=1`.

Slow and deaf subscribers, and processes that only compute, run beside those that read as fast as
they can. Each variant protects the latter in another way. All figures are of one run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.errors import BenchError
from bench.figures import percentile
from bench.line import Line, feedd
from bench.one_handler import folder
from bench.processes import Processes, next_line
from feedd.topics import topic

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

SUBSCRIBER = Path(__file__).resolve().parent / "crowd_subscriber.py"
SYMBOLS, RATE = 4, 1200.0  # quotes and trades a second, of each symbol
COMPUTING = 6
COMPUTE = "while True: pass"
START_S, SAMPLE_S, LATE_S = 120.0, 0.5, 60.0
LARGE_QUEUE = 1_000_000  # messages, in a subscriber's own memory


@dataclass(frozen=True)
class Group:
    """Subscribers of one kind."""

    name: str
    kind: str
    count: int
    whole: bool  # all topics; else one
    well_behaved: bool


GROUPS = (
    Group("pyzmq, all topics", "steady", 5, whole=True, well_behaved=True),
    Group("feedd.subscribe, all topics", "client", 5, whole=True, well_behaved=True),
    Group("pyzmq, one topic", "steady", 20, whole=False, well_behaved=True),
    Group("slow, all topics", "slow", 10, whole=True, well_behaved=False),
    Group("deaf, all topics", "deaf", 10, whole=True, well_behaved=False),
)


@dataclass(frozen=True)
class Variant:
    """One way to protect the well-behaved."""

    name: str
    realtime_proxies: bool = False
    realtime_subscribers: bool = False
    queue: int = 0
    apart: bool = False  # slow, deaf and computing processes share one CPU


VARIANTS = (
    Variant("nothing"),
    Variant("large queues of subscribers", queue=LARGE_QUEUE),
    Variant("slow, deaf and computing processes on one CPU", apart=True),
    Variant("real-time proxy", realtime_proxies=True),
    Variant("real-time subscribers", realtime_subscribers=True),
    Variant("real-time proxy and subscribers", realtime_proxies=True, realtime_subscribers=True),
)


def run(*, quick: bool) -> None:
    """Measure each variant and print it."""
    for variant in VARIANTS:
        print(_text(variant, measure(variant, 10.0 if quick else 90.0)), flush=True)


def measure(variant: Variant, seconds: float) -> dict[str, Any]:
    """Return the load, the proxy's waiting and memory, and each group's losses and latency."""
    with folder() as own, Processes(own) as at:
        line = Line(
            own / "line", "native", SYMBOLS, channels=["quote", "trade"],
            embedded_exchange={"rate": RATE}, realtime_proxies=variant.realtime_proxies,
        )  # fmt: skip
        try:
            feedd(line, "start", timeout_s=START_S)
            proxy = psutil.Process(line.daemon.processes()["proxy"]["pid"])
            others = [
                at.start(f"computing-{number}", [sys.executable, "-c", COMPUTE])
                for number in range(COMPUTING)
            ]
            started = list(_subscribers(at, line, variant, seconds))
            others += [process for group, process in started if not group.well_behaved]
            if variant.apart:
                for process in others:
                    os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
            found = _watch(proxy, seconds)
            found["groups"] = _results(started)
        finally:
            line.end()
    return found


def _subscribers(
    at: Processes, line: Line, variant: Variant, seconds: float
) -> Iterator[tuple[Group, subprocess.Popen[Any]]]:
    one = topic("quote", "binanceusdm", line.symbols[0])
    for group in GROUPS:
        options = []
        if group.well_behaved and variant.realtime_subscribers:
            options.append("--realtime")
        if group.well_behaved and variant.queue and group.kind == "steady":
            options += ["--queue", variant.queue]
        prefix = "" if group.whole else one
        for number in range(group.count):
            command = [sys.executable, SUBSCRIBER, group.kind, line.endpoint, prefix, seconds]
            name = f"{group.kind}-{group.whole}-{number}"
            yield group, at.start(name, [*command, *options], talks=True)


def _watch(proxy: psutil.Process, seconds: float) -> dict[str, Any]:
    began_s, waited0, cpu0 = time.monotonic(), _waited_s(proxy.pid), proxy.cpu_times()
    peak_bytes, loads = 0, []
    while time.monotonic() < began_s + seconds:
        time.sleep(SAMPLE_S)
        peak_bytes = max(peak_bytes, proxy.memory_info().rss)
        loads.append(os.getloadavg()[0])
    took_s, cpu1 = time.monotonic() - began_s, proxy.cpu_times()
    return {
        "load": loads[-1],
        "waited_share": (_waited_s(proxy.pid) - waited0) / took_s,
        "cpu_cores": (cpu1.user + cpu1.system - cpu0.user - cpu0.system) / took_s,
        "peak_mb": peak_bytes / 1e6,
    }


def _results(started: list[tuple[Group, subprocess.Popen[Any]]]) -> dict[str, dict[str, Any]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    deadline_s = time.monotonic() + LATE_S
    for group, process in started:
        rows[group.name].append(json.loads(next_line(process.stdout)))
        if time.monotonic() > deadline_s:
            raise BenchError("the subscribers did not end in time")
    return {name: _sum(results) for name, results in rows.items()}


def _sum(results: list[dict[str, Any]]) -> dict[str, Any]:
    latencies = [latency for one in results for latency in one["latencies_ms"]]
    return {
        "received": sum(one["received"] for one in results),
        "lost": sum(one["lost"] for one in results),
        "most_lost": max(one["lost"] for one in results),
        "p99_ms": percentile(latencies, 0.99) if latencies else None,
    }


def _waited_s(pid: int) -> float:
    """Return how long all threads of a process have waited for a CPU (proc_schedstat)."""
    waited_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # the thread has ended
            waited_ns += int((task / "schedstat").read_text().split()[1])
    return waited_ns / 1e9


def _text(variant: Variant, found: dict[str, Any]) -> str:
    text = (
        f"{variant.name}: load {found['load']:.1f}, proxy {found['cpu_cores']:.2f} cores, "
        f"waited {found['waited_share']:.2f} of the time, at most {found['peak_mb']:,.0f} MB"
    )
    for name, group in found["groups"].items():
        p99 = "" if group["p99_ms"] is None else f"  p99 {group['p99_ms']:,.1f} ms"
        text += (
            f"\n  {name:28}  {group['received']:10,} received  {group['lost']:8,} lost, "
            f"of one at most {group['most_lost']:,}{p99}"
        )
    return text

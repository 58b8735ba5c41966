"""What workers weigh, and how long a start and a restart take, for each source."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from bench.line import Line, feedd, first, wait_for_all
from bench.one_handler import folder
from bench.processes import Processes, pss_mb
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from pathlib import Path

ALIKE = 20
READY_WITHIN_S = 120.0
QUICK_TICKS = 200.0  # a second, so that a first tick is not waited for
STARTED_S = 1.5  # what supervisord calls a start is over


def memory(source: str, count: int = ALIKE) -> dict[str, Any]:
    """Return the PSS of alike workers that run side by side, in MB, and when all were there."""
    with folder() as own, Processes(own) as at:
        line = Line(own / "line", source, count, embedded_exchange={"rate": 2})
        line.start(at, "exchange")
        line.start(at, "proxy")
        with Subscriber(line.endpoint, ["quote."]) as subscriber:
            time.sleep(1.5)
            began_s = time.monotonic()
            workers = [line.start(at, "feed", symbol) for symbol in line.symbols]
            wait_for_all(subscriber, line.symbols, READY_WITHIN_S)
            ready_s = time.monotonic() - began_s
            time.sleep(2.0)
            found = [pss_mb(worker.pid) for worker in workers]
    mean = sum(found) / len(found)
    print(f"  memory  {source}: {mean:.1f} MB each of {count}, all ready in {ready_s:.1f} s")
    return {"source": source, "workers": count, "pss_mb": mean, "ready_s": ready_s}


def cold_starts(sources: list[str], rounds: int) -> list[dict[str, Any]]:
    """Return how long it takes from a worker's start to its first quote at a subscriber, in s.

    The exchange and the proxy run; the worker's folder is new, so that it asks the exchange for
    everything. One start of each source that is not counted compiles byte code.
    """
    found = []
    for number in range(rounds + 1):
        for source in sources:
            with folder() as own, Processes(own) as at:
                seconds = _cold_start(own, at, source)
            if number:
                print(f"  cold start {number}/{rounds}  {source}: {seconds:.2f} s", flush=True)
                found.append({"source": source, "seconds": seconds})
    return found


def _cold_start(own: Path, at: Processes, source: str) -> float:
    line = Line(own / "line", source, 1, embedded_exchange={"rate": QUICK_TICKS})
    line.start(at, "exchange")
    line.start(at, "proxy")
    with Subscriber(line.endpoint, ["quote."]) as subscriber:
        time.sleep(1.5)  # they start, and the subscriber is there
        began_ns = time.time_ns()
        line.start(at, "feed", line.symbols[0])
        at_ns, _ = first(subscriber, lambda *_: True, READY_WITHIN_S)
    return (at_ns - began_ns) / 1e9


def kills(source: str, rounds: int) -> list[dict[str, Any]]:
    """Return how long it takes from kill -9 to the first quote of the new session, in s.

    supervisord is there, as in daily use.
    """
    found = []
    with folder() as own:
        line = Line(own / "line", source, 1, embedded_exchange={"rate": QUICK_TICKS})
        try:
            feedd(line, "start", timeout_s=READY_WITHIN_S)
            name = next(n for n in line.daemon.processes() if n.startswith("feed-"))
            with Subscriber(line.endpoint, ["quote."]) as subscriber:
                for number in range(rounds):
                    _, message = first(subscriber, lambda *_: True, READY_WITHIN_S)
                    time.sleep(STARTED_S)
                    began_ns = time.time_ns()
                    os.kill(line.daemon.processes()[name]["pid"], signal.SIGKILL)
                    at_ns, _ = first(
                        subscriber,
                        lambda _, new, old=message: new["session"] > old["session"],
                        READY_WITHIN_S,
                    )
                    seconds = (at_ns - began_ns) / 1e9
                    print(f"  kill -9 {number + 1}/{rounds}  {source}: {seconds:.2f} s", flush=True)
                    found.append({"source": source, "seconds": seconds})
        finally:
            line.end()
    return found

"""One process a symbol against all in one: CPU, latency, a slow symbol, and a crash."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.arrivals import Arrivals, latencies_us, sent, subscribe, topic_hash
from bench.errors import BenchError
from bench.figures import percentile
from bench.line import Line, cpu_of
from bench.one_handler import Sender, folder
from bench.processes import Processes, until
from bench.recording import ROOT
from bench.sender import MIX_IDS
from feedd.topics import market_id

if TYPE_CHECKING:
    import subprocess

SYMBOLS = 10
RATE = 50.0  # quotes a second, of each
BURST = 3000  # of the slow symbol, once a second
CAPACITY = 500_000
QUIET_S = 1.5  # after a kill: a symbol that publishes in this time survived


@dataclass
class Arrangement:
    """What one way of arranging the symbols costs; latency is through the proxy, in µs."""

    name: str
    source: str
    cpu_us: float  # per quote
    p99_us: float
    p99_beside_slow_us: float  # of the others, while one symbol comes in bursts
    silent_after_crash: int  # of SYMBOLS, when the process of one is killed


def compare(source: str, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Return both arrangements, round by round."""
    found = []
    for number in range(rounds):
        for together in (False, True):
            one = _measure(source, together, seconds)
            print(
                f"  symbols {number + 1}/{rounds}  {source}, {one.name:<20} "
                f"{one.cpu_us:7.1f} µs/msg  p99 {one.p99_us:,.0f} µs, beside a slow symbol "
                f"{one.p99_beside_slow_us:,.0f} µs; a crash silences {one.silent_after_crash}",
                flush=True,
            )
            found.append(asdict(one))
    return found


def _measure(source: str, together: bool, seconds: float) -> Arrangement:
    with folder() as own, Processes(own) as at:
        line = Line(own / "line", source, SYMBOLS)
        sender = Sender(at, ",".join(market_id(symbol) for symbol in line.symbols))
        line = Line(own / "line", source, SYMBOLS, endpoint=f"http://127.0.0.1:{sender.port}")
        line.start(at, "proxy")
        log = Arrivals(own / "arrivals.log", CAPACITY)
        subscribe(at, log, line.endpoint, "quote.")
        workers: list[subprocess.Popen[Any]]
        if together:
            command = [sys.executable, ROOT / "bench" / "all_in_one.py", "--config", line.config]
            workers = [at.start("all", [*command, "--log-dir", own])]
        else:
            workers = [line.start(at, "feed", symbol) for symbol in line.symbols]
        topics = {topic_hash(f"quote.binanceusdm.{symbol}.") for symbol in line.symbols}
        sender.command("warm")
        until(
            lambda: topics <= {one.topic for one in log.since(max(0, log.count - 1000))},
            60.0, "a quote of every symbol", at,
        )  # fmt: skip
        sender.command("hush")
        time.sleep(1.0)
        pids = [worker.pid for worker in workers]
        cpu0 = cpu_of(pids)
        even, count = _mix(sender, log, own, seconds, 0)
        cpu_us = (cpu_of(pids) - cpu0) / 1e3 / count
        slow, _ = _mix(sender, log, own, seconds, BURST)
        silent = _crash(sender, log, at, workers[0], topics)
    name = "all in one process" if together else "a process per symbol"
    return Arrangement(name, source, cpu_us, percentile(even, 0.99), percentile(slow, 0.99), silent)


def _mix(
    sender: Sender, log: Arrivals, own: Any, seconds: float, burst: int
) -> tuple[list[float], int]:
    """Return the latencies of all symbols but the first, and how many quotes were sent in all."""
    mark, noted = log.count, own / "sent.log"
    count = sender.command("mix", seconds, 0, burst, RATE, noted)["sent"]
    until(lambda: log.count - mark >= count, 30.0, f"all of {count} quotes")
    others = [one for one in log.since(mark) if one.id >= 2 * MIX_IDS]
    return latencies_us(others, sent(noted)), count


def _crash(
    sender: Sender,
    log: Arrivals,
    at: Processes,
    worker: subprocess.Popen[Any],
    topics: set[int],
) -> int:
    """Kill one process; return how many symbols are not heard any more."""
    sender.command("warm")
    time.sleep(0.5)
    at.stop(worker, signal.SIGKILL)
    time.sleep(0.2)
    mark = log.count
    time.sleep(QUIET_S)
    heard = {one.topic for one in log.since(mark)}
    if not heard <= topics:
        raise BenchError("quotes came of symbols that nobody asked for")
    return len(topics) - len(heard)

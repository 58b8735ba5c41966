"""Many symbols on one machine, under supervisord as in daily use: `make bench SCALE=1`."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psutil

from bench.arrivals import Arrivals, subscribe, topic_hash
from bench.errors import BenchError
from bench.figures import percentile
from bench.line import Line, cpu_of, feedd, first
from bench.one_handler import folder
from bench.processes import Processes, cpu_ns, pss_mb
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = (1, 10, 50, 100, 200)
RATE = 10.0  # quotes and trades a second, of each symbol
SETTLE_S = 5.0
AGAIN_S = 2.0  # before a start that failed is tried again
PER_SYMBOL_S = 2.0  # of patience with a start, beside 60 s
MEMORY_SHARE = 0.7  # of what is available, that a run may be expected to take
WHOLE = ("exchange", "proxy", "watchdog")


def scaled(source: str, counts: tuple[int, ...], seconds: float) -> list[dict[str, Any]]:
    """Return what so many symbols take, one count after the other; stops where memory would end."""
    found: list[dict[str, Any]] = []
    each_mb = 120.0
    for count in counts:
        free_mb = psutil.virtual_memory().available / 1e6
        if count * each_mb > MEMORY_SHARE * free_mb:
            print(
                f"  scale  {source}, {count} symbols: left out: {count * each_mb:,.0f} MB are "
                f"needed, and {free_mb:,.0f} MB are free",
                flush=True,
            )
            break
        try:
            one = _measure(source, count, seconds)
        except (BenchError, subprocess.TimeoutExpired) as error:
            print(f"  scale  {source}, {count} symbols: left out: {error}", flush=True)
            break
        each_mb = 1.1 * one["pss_mb"]
        print(
            f"  scale  {source}, {count:3} symbols: healthy in {one['start_s']:5.1f} s  "
            f"{one['pss_mb']:5.1f} MB each  {one['cpu_us']:6.1f} µs/msg  "
            f"p99 {one['p99_us']:,.0f} µs  restart {one['restart_s']:.2f} s",
            flush=True,
        )
        found.append(one)
    return found


def _measure(source: str, count: int, seconds: float) -> dict[str, Any]:
    with folder() as own, Processes(own) as at:
        truth = own / "truth.jsonl"
        line = Line(
            own / "line", source, count, embedded_exchange={"rate": RATE, "truth_log": str(truth)}
        )
        # As many quotes as there can be: two for each order, and what a start leaves.
        log = Arrivals(own / "arrivals.log", int(count * RATE * (seconds + 120) * 2) + 10_000)
        subscribe(at, log, line.endpoint, "quote.")
        try:
            start_s, failed = start(line, 60 + PER_SYMBOL_S * count)
            time.sleep(SETTLE_S)
            found = _window(line, log, truth, seconds)
            found["restart_s"] = _restart(line)
        finally:
            line.end()
    return {
        "source": source,
        "symbols": count,
        "start_s": start_s,
        "start_failed": failed,
        **found,
    }


def start(line: Line, timeout_s: float) -> tuple[float, list[str]]:
    """Return the seconds until everything was healthy, and the errors of failed `feedd start` runs.

    It retries the command until it succeeds, as a person would.
    """
    began_s = time.monotonic()
    failed: list[str] = []
    while True:
        left_s = timeout_s - (time.monotonic() - began_s)
        if left_s <= 0:
            raise BenchError(f"not healthy within {timeout_s:.0f} s: {failed[-1:]}")
        try:
            feedd(line, "start", timeout_s=left_s)
        except BenchError as error:
            failed.append(str(error))
            print(f"  scale  {len(line.symbols)} symbols: {error}; once more", flush=True)
            time.sleep(AGAIN_S)
        else:
            return time.monotonic() - began_s, failed


def _window(line: Line, log: Arrivals, truth: Path, seconds: float) -> dict[str, Any]:
    """Return what goes on in a time, when all is live."""
    daemon = line.daemon.pid
    if daemon is None:
        raise BenchError("supervisord is gone")
    pids = {name: info["pid"] for name, info in line.daemon.processes().items()}
    feeds = [pid for name, pid in pids.items() if name.startswith("feed-")]
    others = {name: pids[name] for name in WHOLE} | {"supervisord": daemon}
    mark, began_ns = log.count, time.time_ns()
    cpu0, before = cpu_of(feeds), {name: cpu_ns(pid) for name, pid in others.items()}
    time.sleep(seconds)
    cpu1, ended_ns = cpu_of(feeds), time.time_ns()
    after = {name: cpu_ns(pid) for name, pid in others.items()}
    weights = [pss_mb(pid) for pid in feeds]
    descriptors = {
        "proxy": psutil.Process(pids["proxy"]).num_fds(),
        "supervisord": psutil.Process(daemon).num_fds(),
    }
    time.sleep(1.0)  # what is on its way, and the truth log's last lines
    sent = _truth(truth, line.symbols, began_ns, ended_ns)
    came = {(one.topic, one.id): one.at_ns for one in log.since(mark)}
    latencies = [(came[key] - at_ns) / 1e3 for key, at_ns in sent.items() if key in came]
    if not latencies:
        raise BenchError("no quote came of those that were sent")
    span_ns = ended_ns - began_ns
    return {
        "quotes_per_s": len(sent) / seconds,
        "missing": len(sent) - len(latencies),
        "cpu_us": (cpu1 - cpu0) / 1e3 / len(sent),
        "cpu_cores": (cpu1 - cpu0) / span_ns,
        "others_cores": {name: (after[name] - before[name]) / span_ns for name in others},
        "pss_mb": sum(weights) / len(weights),
        "all_pss_mb": sum(weights),
        "proxy_pss_mb": pss_mb(pids["proxy"]),
        "descriptors": descriptors,
        "p50_us": percentile(latencies, 0.5),
        "p99_us": percentile(latencies, 0.99),
    }


def _truth(
    path: Path, symbols: list[str], began_ns: int, ended_ns: int
) -> dict[tuple[int, int], int]:
    """Return when the exchange sent each quote of a time, by the topic's hash and the id."""
    topics = {
        f"{symbol.partition('/')[0].lower()}usdt@bookTicker": topic_hash(
            f"quote.binanceusdm.{symbol}."
        )
        for symbol in symbols
    }
    sent = {}
    with path.open() as file:
        for text in file:
            event = json.loads(text)
            if event["stream"] in topics and began_ns <= event["sent_ns"] < ended_ns:
                sent[topics[event["stream"]], event["id"]] = event["sent_ns"]
    return sent


def _restart(line: Line) -> float:
    """Return how long it takes from a restart of one symbol to its first quote, in s."""
    symbol = line.symbols[0]
    name = next(one for one in line.daemon.processes() if one.startswith("feed-binanceusdm-BTC-"))
    with Subscriber(line.endpoint, [f"quote.binanceusdm.{symbol}."]) as subscriber:
        _, message = first(subscriber, lambda *_: True, 60.0)
        began_ns = time.time_ns()
        line.daemon.stop([name])
        line.daemon.start([name])
        at_ns, _ = first(subscriber, lambda _, new: new["session"] > message["session"], 60.0)
    return (at_ns - began_ns) / 1e9

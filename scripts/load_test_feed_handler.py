"""Measure one feed handler under load, on this machine alone.

    .venv/bin/python scripts/load_test_feed_handler.py [--rate 1000] [--seconds 10] [--bursts]

The embedded exchange sends quotes and trades of one symbol at the given rate, each order alone or,
with --bursts, as a real exchange does: up to 177 messages at once. Feed handler, proxy and this
subscriber are the real ones, in separate processes. Latency is from the exchange's send to the
subscriber's receive, for every event, by its id. Prints PASS when p99 is below 10 ms, nothing was
dropped and the feed handler took less than half of a CPU; else prints FAIL and exits with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

from bench.processes import free_ports
from feedd.runtime.end_signals import exit_on_signals
from feedd.runtime.process import ATTACHED
from feedd.runtime.terminal import prepare_output
from feedd.supervision.folder_processes import STARTED_FROM
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView

ROOT = Path(__file__).resolve().parent.parent
SYMBOL = "BTC/USDT:USDT"
CHANNELS = {"quote": "btcusdt@bookTicker", "trade": "btcusdt@trade"}
RATE_AT_LEAST = 0.9  # of the requested rate
P99_MS = 10.0
CPU_PERCENT = 50.0
WARM_UP_S = 2.0
LIVE_WITHIN_S = 30.0
STOP_WITHIN_S = 5.0
PROGRESS_EVERY_S = 2.0
IN_TRANSIT_S = 10.0  # on a busy machine; an event that arrives later counts as dropped

ENVIRONMENT = {**os.environ, "BINANCE_API_KEY": "", "BINANCE_SECRET": "",
               ATTACHED: str(os.getpid()), STARTED_FROM: str(ROOT)}  # fmt: skip

Key = tuple[str, int]


@dataclass
class Received:
    """Receive time of each event, and the number of duplicates."""

    at_ns: dict[Key, int] = field(default_factory=dict)
    repeated: int = 0


@dataclass(frozen=True)
class Result:
    """Measurements of one interval."""

    seconds: float
    latencies_ms: list[float]
    sent: int
    repeated: int
    wanted_per_s: float
    cpu_percent: float

    @property
    def dropped(self) -> int:
        """Number of events that were sent and never received."""
        return self.sent - len(self.latencies_ms)

    @property
    def passed(self) -> bool:
        """Whether all limits were kept under the requested load."""
        return (
            self.sent > RATE_AT_LEAST * self.wanted_per_s * self.seconds
            and self.dropped == 0
            and self.repeated == 0
            and percentile(self.latencies_ms, 0.99) < P99_MS
            and self.cpu_percent < CPU_PERCENT
        )

    def __str__(self) -> str:
        p50, p99, p999 = (percentile(self.latencies_ms, f) for f in (0.5, 0.99, 0.999))
        worst = max(self.latencies_ms, default=0.0)
        latency = f"p50 {p50:.2f} ms   p99 {p99:.2f} ms   p99.9 {p999:.2f} ms   max {worst:.2f} ms"
        rate = f"{self.sent / self.seconds:,.0f} msg/s over {self.seconds:.0f} s"
        least = RATE_AT_LEAST * self.wanted_per_s
        rows = (
            f"rate     {rate}   (at least {least:,.0f} msg/s)",
            f"latency  {latency}   (p99 below {P99_MS:.0f} ms)",
            f"dropped  {self.dropped:,} of {self.sent:,}, {self.repeated:,} duplicates   (none)",
            f"CPU      {self.cpu_percent:.0f} % of one core   (below {CPU_PERCENT:.0f} %)",
            "PASS" if self.passed else "FAIL",
        )
        return "\n".join(rows)


def percentile(values: list[float], fraction: float) -> float:
    """Return the value that a fraction of all lies at or below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))] if ordered else 0.0


def measure(rate: float, seconds: float, bursts: bool) -> Result:
    """Run everything and measure."""
    with tempfile.TemporaryDirectory(prefix="feedd-load-") as name:
        folder = Path(name)
        endpoint, config = write_config(folder, rate, bursts)
        with Subscriber(endpoint) as subscriber, processes(folder, config) as feed:
            wait_until_live(subscriber)
            received = Received()
            receive(subscriber, received, WARM_UP_S)
            before, began_ns = feed.cpu_times(), time.time_ns()
            left = seconds
            while left > 0:
                receive(subscriber, received, min(left, PROGRESS_EVERY_S))
                left -= PROGRESS_EVERY_S
                print(f"  {len(received.at_ns):,} messages so far", flush=True)
            after, ended_ns = feed.cpu_times(), time.time_ns()
            receive(subscriber, received, 1.0)  # while the truth log is written
            sent = read_truth(folder / "truth.jsonl", began_ns, ended_ns)
            receive_late(subscriber, received, sent.keys())
    elapsed_s = (ended_ns - began_ns) / 1e9
    busy_s = after.user + after.system - before.user - before.system
    at_ns = received.at_ns
    latencies = [(at_ns[key] - sent_ns) / 1e6 for key, sent_ns in sent.items() if key in at_ns]
    cpu_percent = 100 * busy_s / elapsed_s
    return Result(elapsed_s, latencies, len(sent), received.repeated, rate, cpu_percent)


def write_config(folder: Path, rate: float, bursts: bool) -> tuple[str, Path]:
    """Write a configuration with free ports and its own folder."""
    exchange_port, feed_port, proxy_port = free_ports(3)
    endpoint = f"tcp://127.0.0.1:{proxy_port}"
    settings = {
        "symbols": [{"symbol": SYMBOL, "port": feed_port}],
        "channels": ["ticker", *CHANNELS],
        "proxy": {
            "subscribers": endpoint,
            "history": "ipc://run/history.sock",
        },
        "embedded_exchange": {
            "port": exchange_port,
            "rate": rate,
            "bursts": bursts,
            "truth_log": "truth.jsonl",
        },
    }
    path = folder / "feedd.yaml"
    path.write_text(yaml.safe_dump(settings))
    return endpoint, path


@contextmanager
def processes(folder: Path, config: Path) -> Iterator[psutil.Process]:
    """Run exchange, proxy and feed handler; yield the feed handler, then stop all."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for worker in ("proxy", "exchange", "feed"):
            script = str(ROOT / "workers" / f"{worker}.py")
            command = [sys.executable, script, "--config", config.name, "--log-dir", "logs"]
            # In the folder, so that the paths of its sockets are short wherever it is.
            started.append(subprocess.Popen(command, cwd=folder, env=ENVIRONMENT))
        yield psutil.Process(started[-1].pid)
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_live(subscriber: Subscriber) -> None:
    """Return when the feed reports live; exit when it does not in time."""
    deadline = time.monotonic() + LIVE_WITHIN_S
    while time.monotonic() < deadline:
        message = subscriber.receive(1.0)
        if message is not None and message[1].get("state") == "live":
            return
    raise SystemExit(f"FAIL: the feed handler was not live within {LIVE_WITHIN_S:.0f} s")


def receive(subscriber: Subscriber, received: Received, seconds: float) -> None:
    """Record the receive time of each event for `seconds`."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        message = subscriber.receive(left)
        if message is None:
            continue
        now_ns = time.time_ns()
        stream = CHANNELS.get(message[0].partition(".")[0])
        if stream is not None:
            key = stream, message[1]["id"]
            received.repeated += key in received.at_ns
            received.at_ns[key] = now_ns


def receive_late(subscriber: Subscriber, received: Received, sent: KeysView[Key]) -> None:
    """Receive until every sent event has arrived, for at most IN_TRANSIT_S."""
    deadline = time.monotonic() + IN_TRANSIT_S
    while time.monotonic() < deadline and not sent <= received.at_ns.keys():
        receive(subscriber, received, 0.1)


def read_truth(path: Path, began_ns: int, ended_ns: int) -> dict[Key, int]:
    """Return the send time of each quote and trade of the interval."""
    sent = {}
    streams = set(CHANNELS.values())
    with path.open() as file:
        for line in file:
            event = json.loads(line)
            if event["stream"] in streams and began_ns <= event["sent_ns"] < ended_ns:
                sent[event["stream"], event["id"]] = event["sent_ns"]
    return sent


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000.0, help="messages a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to measure")
    parser.add_argument("--bursts", action="store_true", help="in bursts, as in a recording")
    prepare_output()
    given = parser.parse_args()
    exit_on_signals()
    print(
        f"sending {given.rate:,.0f} msg/s for {given.seconds:.0f} s",
        flush=True,
    )
    result = measure(given.rate, given.seconds, given.bursts)
    print(result)
    sys.exit(0 if result.passed else 1)

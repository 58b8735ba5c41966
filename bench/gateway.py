"""The gateway beside 200 symbols: what it takes, and what its clients can do to the feeds.

`make bench GATEWAY=1`. All is under supervisord as in daily use: 200 native workers on the embedded
exchange, the proxy, the gateway, and Chromium on the same machine.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bench import gateway_page, scale
from bench.arrivals import Arrivals, subscribe, topic_hash
from bench.errors import BenchError
from bench.figures import percentile
from bench.line import Line
from bench.one_handler import folder
from bench.processes import Processes, cpu_ns, free_ports, next_line, pss_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW_CLIENTS = Path(__file__).resolve().parent / "slow_clients.py"
RATE = 10.0  # quotes and trades a second of each symbol
# Of one connection per symbol: the exchange allows an address 300 in 5 min.
CHANNELS = ["quote", "trade"]
START_S, SETTLE_S, TURN_SETTLE_S, LATE_S = 300.0, 10.0, 3.0, 1.0
STALLED, SCRAPERS = 1, 100
STEP = 25  # symbols that are started together


@dataclass(frozen=True)
class Settings:
    """How long a run takes."""

    symbols: int
    window_s: float
    scrapes: int
    page_s: float
    memory_s: float
    turns: int  # of each kind
    turn_s: float


FULL = Settings(200, 30.0, 20, 20.0, 600.0, 10, 15.0)
QUICK = Settings(200, 10.0, 5, 8.0, 60.0, 3, 8.0)


class Running:
    """Feeds, proxy and gateway that run, and a subscriber to all quotes."""

    def __init__(self, at: Processes, own: Path, settings: Settings) -> None:
        self._at = at
        self._truth = own / "truth.jsonl"
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.line = Line(
            own / "line", "native", settings.symbols, channels=CHANNELS,
            gateway={"port": self.port},
            embedded_exchange={"rate": RATE, "truth_log": str(self._truth)},
        )  # fmt: skip
        seconds = START_S + settings.memory_s + 2 * settings.turns * settings.turn_s + 600
        capacity = int(settings.symbols * RATE * 2 * seconds)
        self._log = Arrivals(own / "arrivals.log", capacity)
        subscribe(at, self._log, self.line.endpoint, "quote.")
        self._topics = {
            f"{symbol.partition('/')[0].lower()}usdt@bookTicker": topic_hash(
                f"quote.binanceusdm.{symbol}."
            )
            for symbol in self.line.symbols
        }

    def gateway(self, seconds: float) -> dict[str, Any]:
        """Return what the gateway takes within a time."""
        pid = self.line.daemon.processes()["gateway"]["pid"]
        before_ns, began_ns = cpu_ns(pid), time.monotonic_ns()
        time.sleep(seconds)
        cores = (cpu_ns(pid) - before_ns) / (time.monotonic_ns() - began_ns)
        return {"cpu_cores": cores, "pss_mb": pss_mb(pid)}

    def latencies(self, seconds: float) -> list[float]:
        """Return exchange → subscriber behind the proxy of each quote of a time, in µs."""
        mark, at_byte = self._log.count, self._truth.stat().st_size
        began_ns = time.time_ns()
        time.sleep(seconds)
        ended_ns = time.time_ns()
        time.sleep(LATE_S)
        came = {(one.topic, one.id): one.at_ns for one in self._log.since(mark)}
        sent = list(self._sent(at_byte, began_ns, ended_ns))
        if missing := sum(key not in came for key, _ in sent):
            raise BenchError(f"{missing} of {len(sent)} quotes did not come")
        return [(came[key] - at_ns) / 1e3 for key, at_ns in sent]

    def _sent(
        self, at_byte: int, began_ns: int, ended_ns: int
    ) -> Iterator[tuple[tuple[int, int], int]]:
        with self._truth.open("rb") as file:
            file.seek(at_byte)
            if at_byte:
                file.readline()  # the rest of a line
            for line in file:
                event = json.loads(line) if line.endswith(b"\n") else {}
                topic = self._topics.get(event.get("stream", ""))
                if topic is not None and began_ns <= event["sent_ns"] < ended_ns:
                    yield (topic, event["id"]), event["sent_ns"]


def measure(settings: Settings) -> dict[str, Any]:
    """Return all figures of one run."""
    with folder() as own, Processes(own) as at:
        running = Running(at, own, settings)
        try:
            _say(f"{settings.symbols} symbols start")
            found: dict[str, Any] = {"symbols": settings.symbols}
            _start(running.line)
            time.sleep(SETTLE_S)
            found["messages_per_s"] = _messages_per_s(running)
            _say(f"{found['messages_per_s']:,.0f} messages per second")
            found["alone"] = running.gateway(settings.window_s)
            _say(f"gateway without clients: {_shown(found['alone'])}")
            found["scrapes"] = _scrapes(running, settings.scrapes)
            found["turns"] = _turns(at, running, settings)
            found["page"] = _page(own, running, settings)
        finally:
            running.line.end()
    return found


def _start(line: Line) -> None:
    """Start the symbols in steps: a machine with other work would take too long for all at once."""
    config = yaml.safe_load(line.config.read_text())
    for count in range(STEP, len(line.symbols) + STEP, STEP):
        line.config.write_text(yaml.safe_dump({**config, "symbols": line.symbols[:count]}))
        scale.start(line, START_S)


def _messages_per_s(running: Running) -> float:
    """Return how many messages a second all feeds publish."""
    status = json.loads(_get(f"{running.url}/api/status"))
    return float(status["summary"]["messages_per_s"])


def _scrapes(running: Running, count: int) -> dict[str, Any] | None:
    """Return how long scrapes take, and how large they are; None without metrics."""
    took, size = [], 0
    for _ in range(count):
        began_s = time.monotonic()
        try:
            size = max(size, len(_get(f"{running.url}/metrics")))
        except BenchError as error:
            _say(f"no metrics: {error}")
            return None
        took.append((time.monotonic() - began_s) * 1e3)
        time.sleep(1.0)
    _say(f"scrape: {percentile(took, 0.5):.0f} ms, at most {max(took):.0f}; {size / 1e6:.2f} MB")
    return {"ms": took, "bytes": size}


def _page(own: Path, running: Running, settings: Settings) -> dict[str, Any] | None:
    """Return what the page takes; None without Chromium, or where the page shows nothing."""
    if gateway_page.program() is None:
        _say("Chromium is missing: the page is left out")
        return None
    try:
        found = gateway_page.measure(
            running.url, own, settings.symbols, cpu_s=settings.page_s, memory_s=settings.memory_s,
            while_shown=running.gateway,
        )  # fmt: skip
    except BenchError as error:
        _say(f"the page is left out: {error}")
        return None
    _say(
        f"page: {found['frames_per_s']:.1f} frames/s, {found['cpu_cores']:.0%} of a core, first "
        f"paint {found['first_paint_ms']:.0f} ms, heap {found['heap_mb'][0]:.1f} → "
        f"{found['heap_mb'][-1]:.1f} MB; gateway {_shown(found['while_shown'])}"
    )
    return found


def _turns(at: Processes, running: Running, settings: Settings) -> dict[str, Any]:
    """Return the feeds' latencies without and with slow clients, in turns.

    Each pair begins with the other kind: what drifts disturbs both.
    """
    kinds = ("without", "with")
    p99: dict[str, list[float]] = {kind: [] for kind in kinds}
    pooled: dict[str, list[float]] = {kind: [] for kind in kinds}
    gateway: list[dict[str, Any]] = []
    for turn in range(settings.turns):
        for kind in kinds if turn % 2 == 0 else kinds[::-1]:
            if kind == "with":
                clients = at.start(
                    "slow-clients",
                    [sys.executable, SLOW_CLIENTS, running.port, STALLED, SCRAPERS],
                    talks=True,
                )
                next_line(clients.stdout)
            time.sleep(TURN_SETTLE_S)
            found = running.latencies(settings.turn_s)
            if kind == "with":
                gateway.append(running.gateway(1.0))
                at.stop(clients)
            p99[kind].append(percentile(found, 0.99))
            pooled[kind] += found
        _say(f"turn {turn + 1}: p99 {p99['without'][-1]:,.0f} µs, with {p99['with'][-1]:,.0f} µs")
    return {
        "p99_us": p99,
        "pooled_p99_us": {kind: percentile(pooled[kind], 0.99) for kind in kinds},
        "pooled_p50_us": {kind: percentile(pooled[kind], 0.5) for kind in kinds},
        "quotes": {kind: len(pooled[kind]) for kind in kinds},
        "stalled": STALLED,
        "scrapers": SCRAPERS,
        "gateway": gateway,
    }


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310  our own gateway
            found: bytes = response.read()
            return found
    except (urllib.error.URLError, TimeoutError) as error:
        raise BenchError(f"{url}: {error}") from None


def _shown(gateway: dict[str, Any]) -> str:
    return f"{gateway['cpu_cores']:.1%} of a core, {gateway['pss_mb']:.0f} MB"


def _say(text: str) -> None:
    print(f"  gateway  {text}", flush=True)

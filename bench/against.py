"""This checkout's workers beside another checkout's, in turns on the same load."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.figures import ratio, short, spread
from bench.handlers import Handler, Place, handlers
from bench.line import Line, first
from bench.one_handler import Measured, Sender, blast, folder, pace
from bench.processes import Processes, pss_mb
from bench.recording import ROOT
from bench.tables import table
from feedd.transport.subscriber import Subscriber

SOURCES = ("feedd-native", "feedd-ccxt")
READY_WITHIN_S = 60.0
BLASTS = 4  # pairs per round: on a shared machine, single blasts differ by a factor of two
QUICK_TICKS = 200.0  # per second, so that a start does not wait for the next quote
SETTLE_S = 1.5  # until the exchange, the proxy and the subscriber are connected
NO_PEERS = Path("no-peer-runs-here")


@dataclass(frozen=True)
class Checkout:
    """A folder of feedd with its own environment; raises BenchError where it has none."""

    name: str
    root: Path

    def __post_init__(self) -> None:
        if not self.python.exists() or not (self.root / "workers" / "feed.py").is_file():
            raise BenchError(f"{self.root} is no checkout that is set up; run `make test` there")

    @property
    def python(self) -> Path:
        """The interpreter of the checkout's own environment."""
        return self.root / ".venv" / "bin" / "python"

    def command(self, *words: object) -> list[str]:
        """Return a command that imports this checkout's feedd."""
        return ["/usr/bin/env", f"PYTHONPATH={self.root}", str(self.python), *map(str, words)]


class Figures:
    """Figures of both checkouts, by source and name, in the order in which they were measured."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[str, list[float]]] = {}

    def add(self, source: str, figure: str, checkout: Checkout, value: float) -> None:
        """Keep a figure and print it."""
        each = self._found.setdefault((source, figure), {"here": [], "other": []})
        each[checkout.name].append(value)
        print(f"  {source:<13} {figure:<28} {checkout.name:<6} {short(value)}", flush=True)

    def table(self) -> str:
        """Return the medians, and the ratios of this checkout to the other."""
        rows = [
            [f"{source}: {figure}", str(spread(each["other"])), str(spread(each["here"])),
             f"{ratio(each['here'], each['other']):.3f}",
             f"{min(each['here']) / min(each['other']):.3f}"]
            for (source, figure), each in self._found.items()
        ]  # fmt: skip
        head = ["median (least–greatest)", "other", "here", "median of the ratios", "of the least"]
        return table(head, rows)


def run(other: Path, rounds: int, quotes: int, pace_s: float) -> None:
    """Measure both and print the figures, with the ratios of this checkout to the other."""
    both = [Checkout("here", ROOT), Checkout("other", other.resolve())]
    figures = Figures()
    with folder() as own, Processes(own) as at:
        sender = Sender(at)
        for number in range(rounds):
            part = pace_s * number / rounds, pace_s * (number + 1) / rounds
            for source in SOURCES:
                for pair in range(BLASTS):
                    for checkout in both if pair % 2 else both[::-1]:
                        handler = _handler(source, checkout)
                        blasted = _whole(blast(handler, sender, at, NO_PEERS, quotes))
                        figures.add(source, "blast, CPU µs/msg", checkout, blasted.cpu_us)
                for checkout in both if number % 2 else both[::-1]:
                    handler = _handler(source, checkout)
                    paced = _whole(pace(handler, sender, at, NO_PEERS, part))
                    figures.add(source, "recording's pace, CPU µs/msg", checkout, paced.cpu_us)
                    p50 = paced.latency_us["p50"]
                    figures.add(source, "recording's pace, p50 µs", checkout, p50)
    _starts(both, rounds, figures)
    print(figures.table())


def _starts(both: list[Checkout], rounds: int, figures: Figures) -> None:
    for number in range(rounds + 1):
        for source in SOURCES:
            for checkout in both if number % 2 else both[::-1]:
                seconds, memory_mb = _start(source.removeprefix("feedd-"), checkout)
                if number:  # the first start compiles byte code
                    figures.add(source, "start to first quote, s", checkout, seconds)
                    figures.add(source, "memory, PSS MB", checkout, memory_mb)


def _handler(source: str, checkout: Checkout) -> Handler:
    ours = next(one for one in handlers() if one.name == source)

    def command(at: Place) -> list[str]:
        _, program, *words = ours.command(at)
        return checkout.command(checkout.root / program, *words)

    return replace(ours, name=f"{source}-{checkout.name}", command=command)


def _whole(measured: Measured) -> Measured:
    if measured.received != measured.sent:
        raise BenchError(
            f"{measured.handler} delivered {measured.received} of {measured.sent} quotes"
        )
    return measured


def _start(source: str, checkout: Checkout) -> tuple[float, float]:
    """Return the seconds from a worker's start to its first quote, and its memory in MB."""
    with folder() as own, Processes(own) as at:
        line = Line(own / "line", source, 1, embedded_exchange={"rate": QUICK_TICKS})
        line.start(at, "exchange")
        line.start(at, "proxy")
        with Subscriber(line.endpoint, ["quote."]) as subscriber:
            time.sleep(SETTLE_S)
            words: list[Any] = [line.symbols[0], "--config", line.config, "--log-dir", own / "logs"]
            program = checkout.root / "workers" / "feed.py"
            began_ns = time.time_ns()
            worker = at.start("worker", checkout.command(program, *words))
            at_ns, _ = first(subscriber, lambda *_: True, READY_WITHIN_S)
            time.sleep(SETTLE_S)
            return (at_ns - began_ns) / 1e9, pss_mb(worker.pid)

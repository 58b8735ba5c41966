"""The raw results: kept as JSON in bench/results/, read back, and summed up by handler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import figures
from bench.errors import BenchError
from bench.recording import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "bench" / "results"

Raw = dict[str, Any]


def keep(kind: str, stamp: str, raw: Raw) -> Path:
    """Write a run's results: `main`, `scale` or `gateway`, with the time it began."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{stamp}-{kind}.json"
    path.write_text(json.dumps(raw, indent=1) + "\n")
    return path


def newest(kind: str) -> Raw | None:
    """Return the newest results of a kind, or None where there are none."""
    paths = sorted(FOLDER.glob(f"*-{kind}.json"))
    if not paths:
        return None
    try:
        raw: Raw = json.loads(paths[-1].read_text())
    except ValueError as error:
        raise BenchError(f"{paths[-1]} is no result of a run: {error}") from None
    return raw


@dataclass(frozen=True)
class Sum:
    """One handler's rounds of one load, summed up; times are µs."""

    handler: str
    rounds: list[Raw]

    @property
    def cpu_us(self) -> figures.Spread:
        """CPU per message that was sent."""
        return figures.spread([one["cpu_us"] for one in self.rounds])

    @property
    def mean_cpu_us(self) -> float:
        """The same over all rounds, which at the recording's pace are different slices."""
        return float(sum(one["cpu_us"] * one["sent"] for one in self.rounds) / self.sent)

    @property
    def sent(self) -> int:
        """Messages in all."""
        return sum(one["sent"] for one in self.rounds)

    @property
    def delivered(self) -> float:
        """The fraction that came."""
        return float(sum(one["received"] for one in self.rounds) / self.sent)

    @property
    def per_s(self) -> figures.Spread | None:
        """Messages received a second."""
        rates = [one["per_s"] for one in self.rounds if one["per_s"] is not None]
        return figures.spread(rates) if rates else None

    @property
    def proxy_cpu_us(self) -> float | None:
        """The proxy's CPU per message, where there was one."""
        found = [one["proxy_cpu_us"] for one in self.rounds if one["proxy_cpu_us"] is not None]
        return figures.spread(found).median if found else None

    def latency_us(self, fraction: float) -> float | None:
        """Return a percentile of send → receive over all rounds."""
        pooled = [value for one in self.rounds for value in one["latencies_us"]]
        return figures.percentile(pooled, fraction) if pooled else None


def summed(rounds: list[list[Raw]]) -> dict[str, Sum]:
    """Return each handler's rounds, in the order of the first one."""
    found: dict[str, list[Raw]] = {}
    for one in rounds:
        for measured in one:
            found.setdefault(measured["handler"], []).append(measured)
    return {name: Sum(name, measured) for name, measured in found.items()}


def cpu_ratio(rounds: list[list[Raw]], name: str, other: str) -> float | None:
    """Return one's CPU in terms of another's, round by round; None where they never met."""
    pairs = []
    for one in rounds:
        cpu = {measured["handler"]: measured["cpu_us"] for measured in one}
        if name in cpu and other in cpu:
            pairs.append((cpu[name], cpu[other]))
    return figures.ratio(*zip(*pairs, strict=True)) if pairs else None

"""What feedd's figures are held against, and whether a run kept it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bench import figures
from bench.results import Raw, cpu_ratio, summed

if TYPE_CHECKING:
    from collections.abc import Callable

NATIVE, CCXT = "feedd-native", "feedd-ccxt"


class Target(NamedTuple):
    """One figure. `value` is None where it was not measured; `at_least` turns the comparison."""

    what: str
    limit: float
    unit: str
    value: float | None
    at_least: bool = False
    failed: str = ""  # what went wrong, so that the figure does not count

    @property
    def met(self) -> bool | None:
        """Whether the limit was kept, as far as that is known."""
        if self.value is None:
            return None
        if self.failed:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def verdict(self) -> str:
        """In a word or two."""
        word = {None: "not measured", True: "met", False: "**not met**"}[self.met]
        return f"{word}: {self.failed}" if self.failed else word


def targets(main: Raw, scale: Raw | None) -> list[Target]:
    """Return all targets, with what was measured."""
    return [*_of_handlers(main), *_of_lives(main), *_of_scale(scale)]


def _of_handlers(main: Raw) -> list[Target]:
    blast, pace = main["blast"], main["pace"]
    blasted, paced = summed(blast), summed(pace)
    delivered = blasted[NATIVE].delivered if NATIVE in blasted else None
    proxied = paced.get(f"{NATIVE}-proxied")
    bare = paced.get("counted")
    p50 = proxied.latency_us(0.5) if proxied else None
    p99 = proxied.latency_us(0.99) if proxied else None
    bare_p99 = bare.latency_us(0.99) if bare else None
    more = None if p99 is None or bare_p99 is None else p99 - bare_p99
    return [
        Target("blast: CPU per message, native : cryptofeed", 1 / 3, "×",
               cpu_ratio(blast, NATIVE, "cryptofeed")),
        Target("blast: CPU per message, native : ccxt tapped", 1 / 9, "×",
               cpu_ratio(blast, NATIVE, CCXT)),
        Target("blast: CPU per message, native : C", 8, "×", cpu_ratio(blast, NATIVE, "c")),
        Target("blast: delivered, native", 1, "", delivered, at_least=True),
        Target("recording's pace: CPU per message, native : cryptofeed", 0.5, "×",
               cpu_ratio(pace, NATIVE, "cryptofeed")),
        Target("send → subscriber through the proxy, native, p50", 250, "µs", p50),
        Target("send → subscriber through the proxy, native, p99, minus that of a loop that only "
               "counts", 1000, "µs", more),
    ]  # fmt: skip


def _of_lives(main: Raw) -> list[Target]:
    def weight(source: str) -> float | None:
        return next((r["pss_mb"] for r in main["memory"] if r["source"] == source), None)

    def took(part: str, source: str) -> float | None:
        found = [one["seconds"] for one in main[part] if one["source"] == source]
        return figures.spread(found).median if found else None

    count = max((row["workers"] for row in main["memory"]), default=0)
    return [
        Target(f"memory of one worker of {count}, PSS, native", 24, "MB", weight("native")),
        Target(f"memory of one worker of {count}, PSS, ccxt", 60, "MB", weight("ccxt")),
        Target("cold start → first quote, native", 0.6, "s", took("cold_starts", "native")),
        Target("cold start → first quote, ccxt", 1.2, "s", took("cold_starts", "ccxt")),
        Target("kill -9 → first quote of the new session, native", 1.5, "s",
               took("kills", "native")),
        Target("kill -9 → first quote of the new session, ccxt", 1.5, "s", took("kills", "ccxt")),
    ]  # fmt: skip


def _of_scale(scale: Raw | None) -> list[Target]:
    rows = [] if scale is None else [r for r in scale["scale"] if r["source"] == "native"]
    by_count = {row["symbols"]: row for row in rows}

    def hundred(get: Callable[[Raw], float]) -> float | None:
        return get(by_count[100]) if 100 in by_count else None

    failed = 100 in by_count and bool(by_count[100]["start_failed"])
    rise = by_count[100]["cpu_us"] / by_count[1]["cpu_us"] if {1, 100} <= set(by_count) else None
    return [
        Target("100 native symbols: memory of all workers, PSS", 2.6, "GB",
               hundred(lambda row: row["all_pss_mb"] / 1000)),
        Target("100 native symbols: healthy after `make start`", 30, "s",
               hundred(lambda row: row["start_s"]),
               failed="the first `make start` failed" if failed else ""),
        Target("CPU per message, native, 100 symbols : 1 symbol", 1.2, "×", rise),
    ]  # fmt: skip

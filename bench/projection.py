"""What would end first with ever more symbols: slopes that were measured, against limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from bench.figures import slope
from bench.recording import ROOT
from feedd.embedded.binance.served import CONNECTS_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.results import Raw

SYMBOLS = 1000
FIRST_EPHEMERAL_PORT = 32_768  # ip(7), ip_local_port_range
FIRST_PORT = 5555


class Need(NamedTuple):
    """What so many symbols take of one thing, and how much there is; both None: of no number."""

    what: str
    each: str
    total: float
    limit: float
    unit: str

    @property
    def fits(self) -> int:
        """How many symbols the limit allows."""
        return int(SYMBOLS * self.limit / self.total) if self.total > 0 else SYMBOLS


def needs(scale: Raw, source: str) -> list[Need]:
    """Return what SYMBOLS symbols of a source would need here; empty where too few were run."""
    rows = [row for row in scale["scale"] if row["source"] == source]
    if len(rows) < 2:
        return []
    machine = scale["machine"]

    def at_size(value: Callable[[Raw], float]) -> tuple[float, float]:
        rise, begin = slope([(row["symbols"], value(row)) for row in rows])
        return rise, begin + rise * SYMBOLS

    memory, all_memory = at_size(lambda row: (row["all_pss_mb"] + row["proxy_pss_mb"]) / 1000)
    cpu, all_cpu = at_size(lambda row: row["cpu_cores"])
    rest, all_rest = at_size(
        lambda row: sum(took for name, took in row["others_cores"].items() if name != "exchange")
    )
    files, all_files = at_size(lambda row: row["descriptors"]["supervisord"])
    start, all_start = at_size(lambda row: row["start_s"])
    per_s, window_s = CONNECTS_LIMIT, 300
    return [
        Need("memory", f"{memory * 1000:.1f} MB", all_memory, machine["memory_gb"], "GB"),
        Need("CPU of the workers", f"{cpu * 1000:.1f} ms/s", all_cpu, machine["cores"], "cores"),
        Need("CPU of proxy, watchdog and supervisord (one core each)", f"{rest * 1000:.1f} ms/s",
             all_rest, 3, "cores"),
        Need("supervisord's descriptors (`minfds`)", f"{files:.1f}", all_files, _minfds(),
             "files"),
        Need("ports from 5555 up to the kernel's ephemeral range", "1", SYMBOLS,
             FIRST_EPHEMERAL_PORT - FIRST_PORT, "ports"),
        Need("starting all, within half an hour", f"{start:.2f} s", all_start, 1800, "s"),
        Need(f"connections to the exchange ({per_s} in 5 min per address), within half an hour",
             f"{window_s / per_s:.1f} s", SYMBOLS / per_s * window_s, 1800, "s"),
    ]  # fmt: skip


def _minfds() -> float:
    match = re.search(r"^minfds=(\d+)", (ROOT / "supervisord.conf").read_text(), re.MULTILINE)
    return float(match[1]) if match else 1024.0

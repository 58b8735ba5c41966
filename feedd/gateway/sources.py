"""Status files of proxies and recorder, and the use of the exchanges' limits, as the API has them.

A file is believed if its process is the one that supervisord runs, and it is fresh.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.health.report import UNKNOWN
from feedd.recordings.recorder.recorder_status import FILE, RecorderStatus
from feedd.runtime.status_file import read_status
from feedd.sources.limits.budget_use import BudgetUse, budget_use
from feedd.supervision.render import RECORDER
from feedd.transport.history_service import HistoryCounts  # noqa: TC001  msgspec reads it
from feedd.transport.proxy_status import ProxyStatus, status_path

if TYPE_CHECKING:
    from feedd.config.settings import Config
    from feedd.health.report import Report

LATE_S = 5.0  # they are written once a second

S = TypeVar("S", ProxyStatus, RecorderStatus)


class ProxySource(Struct, frozen=True, kw_only=True):
    """A proxy; see `ProxyStatus`. Times are in ms since the epoch."""

    name: str
    at_ms: int
    since_ms: int
    lossless: bool
    messages: int
    bytes: int
    messages_per_s: float
    bytes_per_s: float
    subscribers: int
    cut: int
    refused: int
    history: HistoryCounts


class RecorderSource(Struct, frozen=True, kw_only=True):
    """The recorder; see `RecorderStatus`. Times are in ms since the epoch."""

    at_ms: int
    since_ms: int
    dir: str
    messages: int
    messages_per_s: float
    bytes: int
    lost: int
    failing: str | None
    lag_s: float | None
    disk_free_bytes: int | None
    disk_total_bytes: int | None


class Sources(Struct, frozen=True):
    """Statuses that are believed; `recorder` is None without one."""

    proxies: list[ProxySource] = []
    recorder: RecorderSource | None = None
    budgets: list[BudgetUse] = []


def read_sources(config: Config, report: Report, now_ns: int, monotonic_s: float) -> Sources:
    """Read all files; a missing or damaged one is left out."""
    rows = {row.name: row for row in report.processes}

    def current(name: str, path: Path, kind: type[S]) -> S | None:
        status, row = read_status(path, kind), rows.get(name)
        if status is None or row is None or abs(now_ns - status.at_ns) > LATE_S * NS_PER_S:
            return None
        return status if row.process == UNKNOWN or status.pid == row.pid else None

    run_dir = config.run_dir
    proxies = [
        _proxy(name, status)
        for name in config.proxy_programs()
        if (status := current(name, status_path(run_dir, name), ProxyStatus)) is not None
    ]
    recorder = current(RECORDER, Path(run_dir, FILE), RecorderStatus)
    return Sources(
        proxies,
        None if recorder is None else _recorder(recorder),
        budget_use(Path(run_dir), monotonic_s),
    )


def _proxy(name: str, status: ProxyStatus) -> ProxySource:
    return ProxySource(
        name=name,
        at_ms=status.at_ns // NS_PER_MS,
        since_ms=status.since_ns // NS_PER_MS,
        lossless=status.lossless,
        messages=status.messages,
        bytes=status.bytes,
        messages_per_s=status.messages_per_s,
        bytes_per_s=status.bytes_per_s,
        subscribers=status.subscribers,
        cut=status.cut,
        refused=status.refused,
        history=status.history,
    )


def _recorder(status: RecorderStatus) -> RecorderSource:
    return RecorderSource(
        at_ms=status.at_ns // NS_PER_MS,
        since_ms=status.since_ns // NS_PER_MS,
        dir=status.dir,
        messages=status.messages,
        messages_per_s=status.messages_per_s,
        bytes=status.bytes,
        lost=status.lost,
        failing=status.failing,
        lag_s=status.lag_s,
        disk_free_bytes=status.disk_free_bytes,
        disk_total_bytes=status.disk_total_bytes,
    )

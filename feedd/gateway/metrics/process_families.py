"""Families of the processes' metrics, from the report that `feedd status` prints. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.gateway.metrics import definitions as d
from feedd.gateway.metrics.families import NO_LABELS, Family, Labels
from feedd.gateway.metrics.kept_labels import process_labels, process_state_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.gateway.metrics.readings import Readings
    from feedd.health.report import ProcessHealth, Report

MB = 1e6


def process_families(readings: Readings, left_out: set[str]) -> Iterator[Family]:
    """Yield the families of the processes, without those of the feeds that are left out.

    Of an old report only the counters remain.
    """
    report = readings.report
    fresh = readings.fresh_report is not None
    yield _health(readings.fresh_report)
    if report is None:
        return
    age = Family(d.HEALTH_AGE)
    age.add(NO_LABELS, round(readings.report_age_s, 3))
    yield age
    supervisor, notices = Family(d.SUPERVISOR_UP), Family(d.NOTICES)
    supervisor.add(NO_LABELS, float(fresh and report.hung is None and bool(report.processes)))
    yield supervisor
    if fresh:
        notices.add(NO_LABELS, len(report.notices))
        yield notices
    symbols = {feed.name: feed.symbol for feed in readings.feeds}
    processes = [
        (row, process_labels(row.name, row.exchange, symbols.get(row.name, "")))
        for row in report.processes
        if row.name not in left_out
    ]
    yield from _counters(processes)
    if fresh:
        yield from _gauges(processes)


def _health(report: Report | None) -> Family:
    present = "unknown" if report is None else report.health.name.lower()
    family = Family(d.HEALTH)
    for state in d.HEALTH_STATES:
        family.add(Labels(state=state), float(state == present))
    return family


def _counters(processes: list[tuple[ProcessHealth, Labels]]) -> Iterator[Family]:
    restarts, cpu = Family(d.RESTARTS), Family(d.PROCESS_CPU)
    for row, labels in processes:
        if row.restarts is not None:
            restarts.add(labels, row.restarts)
        if row.usage.cpu_seconds is not None:
            cpu.add(labels, row.usage.cpu_seconds)
    yield from (restarts, cpu)


def _gauges(processes: list[tuple[ProcessHealth, Labels]]) -> Iterator[Family]:
    up, healthy, state = Family(d.PROCESS_UP), Family(d.PROCESS_HEALTHY), Family(d.PROCESS_STATE)
    memory, uptime = Family(d.PROCESS_MEMORY), Family(d.PROCESS_UPTIME)
    for row, labels in processes:
        runs = row.process == "RUNNING"
        up.add(labels, float(runs))
        state.add(process_state_labels(row.name, row.process.lower()), 1.0)
        if row.usage.memory_mb is not None:
            memory.add(labels, round(row.usage.memory_mb * MB))
        if not row.is_feed:
            healthy.add(labels, float(row.healthy))
            uptime.add(labels, max(0, row.uptime_s))
    yield from (up, healthy, state, memory, uptime)

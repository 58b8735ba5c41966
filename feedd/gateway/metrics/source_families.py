"""Families of the proxies, the recorder and the exchanges' limits. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.gateway.metrics import definitions as d
from feedd.gateway.metrics.families import NO_LABELS, Family, Labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.gateway.metrics.families import Definition
    from feedd.gateway.sources import ProxySource, RecorderSource, Sources
    from feedd.sources.limits.budget_use import BudgetUse

    Rows = list[tuple[Definition, float | None]]


def source_families(sources: Sources) -> Iterator[Family]:
    """Yield the families of what reports by a file; one without a fresh file has no samples."""
    yield from _families((Labels(proxy=proxy.name), _proxy(proxy)) for proxy in sources.proxies)
    if sources.recorder is not None:
        yield from _families([(NO_LABELS, _recorder(sources.recorder))])
    yield from _families(
        (Labels(exchange=use.exchange, kind=use.kind, address=use.address or ""), _budget(use))
        for use in sources.budgets
    )


def _proxy(proxy: ProxySource) -> Rows:
    return [
        (d.PROXY_MESSAGES, proxy.messages),
        (d.PROXY_BYTES, proxy.bytes),
        (d.PROXY_SUBSCRIBERS, proxy.subscribers),
        (d.PROXY_CUT, proxy.cut),
        (d.PROXY_REFUSED, proxy.refused),
        (d.HISTORY_BYTES, proxy.history.bytes),
        (d.HISTORY_NOT_KEPT, proxy.history.not_kept),
        (d.HISTORY_UNSENT, proxy.history.unsent),
    ]


def _recorder(recorder: RecorderSource) -> Rows:
    return [
        (d.RECORDER_MESSAGES, recorder.messages),
        (d.RECORDER_BYTES, recorder.bytes),
        (d.RECORDER_LOST, recorder.lost),
        (d.RECORDER_FAILING, float(recorder.failing is not None)),
        (d.RECORDER_LAG, recorder.lag_s),
        (d.RECORDER_DISK_FREE, recorder.disk_free_bytes),
        (d.RECORDER_DISK_SIZE, recorder.disk_total_bytes),
    ]


def _budget(use: BudgetUse) -> Rows:
    return [
        (d.BUDGET_USED, use.used),
        (d.BUDGET_LIMIT, use.limit),
        (d.BUDGET_PERIOD, use.period_s),
        (d.BUDGET_PAUSED, use.paused_s),
        (d.BUDGET_DAMAGED, float(use.damaged)),
    ]


def _families(rows: Iterable[tuple[Labels, Rows]]) -> Iterator[Family]:
    """Yield one family for each definition, with its values of all labels."""
    families: dict[str, Family] = {}
    for labels, values in rows:
        for definition, value in values:
            family = families.setdefault(definition.name, Family(definition))
            if value is not None:
                family.add(labels, value)
    yield from families.values()

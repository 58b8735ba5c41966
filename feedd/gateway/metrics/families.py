"""Families of samples that are written quickly: each row's labels are text from the start.

A family is a Metric of prometheus_client, so that its registries and encoders take it, too.
`exposition.py` writes the rows without them: thousands of samples in some 30 ms.
"""

from __future__ import annotations

from itertools import accumulate, islice
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from feedd.model import LATENCY_BOUNDS_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

US_PER_S = 1_000_000
BOUNDS = (*(str(float(bound_us / US_PER_S)) for bound_us in LATENCY_BOUNDS_US), "+Inf")


class Labels:
    """Labels of a sample, as text: `{exchange="okx",symbol="BTC/USDT"}`, in the order of the names.

    Their making takes longer than their writing: keep those that are needed again.
    """

    __slots__ = ("_bounded", "pairs", "text")

    def __init__(self, **values: str) -> None:
        self.pairs = values
        self.text = _text(values)
        self._bounded: tuple[str, ...] | None = None

    @property
    def bounded(self) -> tuple[str, ...]:
        """Return the texts with each of BOUNDS as `le`, for the buckets of a histogram."""
        if self._bounded is None:
            self._bounded = tuple(_text({**self.pairs, "le": bound}) for bound in BOUNDS)
        return self._bounded


def _text(values: dict[str, str]) -> str:
    if not values:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(values[name])}"' for name in sorted(values)) + "}"


NO_LABELS = Labels()


class Counts(NamedTuple):
    """A histogram: one count for each of BOUNDS, not cumulative, and the sum."""

    counts: Sequence[int]
    sum_s: float


class Definition(NamedTuple):
    """What a metric is: its name without `_total`, and its type, unit, labels and meaning."""

    name: str
    type: str
    unit: str
    labels: tuple[str, ...]
    help: str

    @property
    def full_name(self) -> str:
        """Return the name as queries use it; a histogram's has no suffix."""
        return self.name + "_total" if self.type == "counter" else self.name


class Family(Metric):
    """Samples of one metric; `rows` are its labels and values."""

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition.name, definition.help, definition.type, definition.unit)
        self.definition = definition
        self.rows: list[tuple[Labels, float]] = []

    def add(self, labels: Labels, value: float) -> None:
        """Add a sample."""
        self.rows.append((labels, value))

    def lines(self) -> Iterator[tuple[str, str, float]]:
        """Yield the name, the labels and the value of each sample."""
        name = self.definition.full_name
        for labels, value in self.rows:
            yield name, labels.text, value

    def __iter__(self) -> Iterator[Sample]:
        for labels, value in self.rows:
            yield Sample(self.definition.full_name, labels.pairs, value)

    @property
    def samples(self) -> list[Sample]:
        """Return the samples as prometheus_client's own code reads them."""
        return list(self)

    @samples.setter
    def samples(self, _samples: Iterable[Sample]) -> None:
        """Ignore the empty list that Metric begins with."""


class HistogramFamily(Family):
    """Samples of one histogram."""

    def __init__(self, definition: Definition, first_bound: int = 0) -> None:
        """`first_bound` is the place of the first bound that is written: counts are cumulative."""
        super().__init__(definition)
        self.histograms: list[tuple[Labels, Counts]] = []
        self._first = first_bound

    def add_counts(self, labels: Labels, counts: Counts) -> None:
        """Add a histogram."""
        self.histograms.append((labels, counts))

    def lines(self) -> Iterator[tuple[str, str, float]]:
        """Yield the name, the labels and the value of each sample."""
        name = self.definition.name
        bucket, count, total = f"{name}_bucket", f"{name}_count", f"{name}_sum"
        for labels, counts in self.histograms:
            for text, number in self._buckets(labels.bounded, counts):
                yield bucket, text, number
            yield count, labels.text, sum(counts.counts)
            yield total, labels.text, counts.sum_s

    def __iter__(self) -> Iterator[Sample]:
        name = self.definition.name
        for labels, counts in self.histograms:
            for bound, number in self._buckets(BOUNDS, counts):
                yield Sample(f"{name}_bucket", {**labels.pairs, "le": bound}, number)
            yield Sample(f"{name}_count", labels.pairs, sum(counts.counts))
            yield Sample(f"{name}_sum", labels.pairs, counts.sum_s)

    def _buckets(self, bounds: tuple[str, ...], counts: Counts) -> Iterator[tuple[str, int]]:
        return islice(zip(bounds, accumulate(counts.counts), strict=True), self._first, None)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

"""Medians, percentiles and ratios of what was measured."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Spread(NamedTuple):
    """The median of some rounds, with the least and the greatest."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        if self.least == self.greatest:
            return short(self.median)
        return f"{short(self.median)} ({short(self.least)}–{short(self.greatest)})"


def spread(values: Sequence[float]) -> Spread:
    """Return the median, the least and the greatest; raise ValueError for none."""
    if not values:
        raise ValueError("no values")
    return Spread(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], fraction: float) -> float:
    """Return the value that a fraction of all lies at or below; raise ValueError for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios round by round: what disturbs a round disturbs both."""
    pairs = [(a, b) for a, b in zip(values, others, strict=True) if b]
    if not pairs:
        raise ValueError("no rounds to compare")
    return statistics.median(a / b for a, b in pairs)


def slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return what the line through some points rises by per unit, and where it begins.

    Of one point it is the line through the origin.
    """
    if len(points) < 2:
        x, y = points[0]
        return y / x, 0.0
    line = statistics.linear_regression([x for x, _ in points], [y for _, y in points])
    return line.slope, line.intercept


def short(value: float) -> str:
    """Write a figure with as many digits as it is worth."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}".rstrip("0").rstrip(".") if size else "0"

"""Trends of each feed's price and rate, as lines of block characters. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

SAMPLES = 120  # of each trend
LEVELS = "▁▂▃▄▅▆▇█"
UNKNOWN = " "


class Trends:
    """The last samples of each feed; None is a time without a current value."""

    def __init__(self, samples: int = SAMPLES) -> None:
        self._samples = samples
        self.prices: dict[str, deque[float | None]] = {}
        self.rates: dict[str, deque[float | None]] = {}

    def add(self, name: str, price: float | None, rate: float | None) -> None:
        """Add a sample of a feed."""
        self.prices.setdefault(name, deque(maxlen=self._samples)).append(price)
        self.rates.setdefault(name, deque(maxlen=self._samples)).append(rate)

    def keep(self, names: Collection[str]) -> None:
        """Drop the feeds that are no longer there."""
        for trend in (self.prices, self.rates):
            for name in trend.keys() - set(names):
                del trend[name]


def sparkline(values: Sequence[float | None], width: int, floor: float | None = None) -> str:
    """Return the last `width` values as characters, from the lowest to the highest.

    `floor` is the value of the lowest level; by default the lowest value. Values that do not
    change are a line in the middle.
    """
    shown = list(values)[-width:] if width > 0 else []
    known = [value for value in shown if value is not None]
    if not known:
        return UNKNOWN * width
    low = min(known) if floor is None else min(floor, *known)
    span = max(known) - low
    text = "".join(
        UNKNOWN if value is None else LEVELS[_level(value - low, span)] for value in shown
    )
    return text.rjust(width)


def _level(above: float, span: float) -> int:
    if span <= 0:
        return len(LEVELS) // 2 - 1
    return min(int(above / span * len(LEVELS)), len(LEVELS) - 1)

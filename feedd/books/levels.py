"""The price levels of one order book."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct, ValidationError, convert

from feedd.numbers import number

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = tuple[float, float]  # price, size


class Side:
    """One side's sizes by price, best first.

    `known_to` is the last price of the snapshot. Levels behind it may exist unseen: a snapshot of
    1,000 levels does not contain the 1,001st, and an update is sent only when that one changes.
    """

    def __init__(self, *, descending: bool) -> None:
        self._sign = -1.0 if descending else 1.0
        self._sizes: dict[float, float] = {}
        self._keys: list[float] = []  # price times sign: ascending, so that the best is first
        self.known_to: float | None = None

    def load(self, levels: Iterable[Level], *, whole: bool) -> None:
        """Replace all levels by a snapshot's; `whole` if it contains every level."""
        self._sizes = {price: size for price, size in levels if size}
        self._keys = sorted(price * self._sign for price in self._sizes)
        self.known_to = None if whole or not self._keys else self._keys[-1] * self._sign

    def set(self, price: float, size: float) -> None:
        """Set a level to an absolute size; 0 removes it, if it exists."""
        self.apply(((price, size),))

    def apply(self, levels: Iterable[Level]) -> None:
        """Set levels to absolute sizes; 0 removes one, if it exists."""
        sizes, keys, sign = self._sizes, self._keys, self._sign
        for price, size in levels:
            if size:
                if price not in sizes:
                    insort(keys, price * sign)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del keys[bisect_left(keys, price * sign)]

    def keep(self, count: int) -> list[float]:
        """Drop all levels behind the best `count`; return their prices."""
        keys = self._keys
        if len(keys) <= count:
            return []
        dropped = [key * self._sign for key in keys[count:]]
        del keys[count:]
        for price in dropped:
            del self._sizes[price]
        return dropped

    def prices(self, count: int) -> list[float]:
        """Return the prices of the best `count` levels, best first."""
        sign = self._sign
        return [key * sign for key in self._keys[:count]]

    def best(self) -> float | None:
        """Return the best price, or None where the side is empty."""
        return self._keys[0] * self._sign if self._keys else None

    def top(self, count: int) -> list[Level]:
        """Return a copy of the best levels, best first; none behind `known_to`."""
        sign, sizes = self._sign, self._sizes
        return [(price := key * sign, sizes[price]) for key in self._keys[: self._known(count)]]

    def knows(self, count: int) -> bool:
        """Whether the best `count` levels are known, or all levels."""
        return self.known_to is None or self._known(count) == count

    def _known(self, count: int) -> int:
        """Return how many of the best `count` levels exist and are not behind `known_to`."""
        count = min(count, len(self._keys))
        if self.known_to is not None and count:
            limit = self.known_to * self._sign
            while count and self._keys[count - 1] > limit:
                count -= 1
        return count


class PriceLevels:
    """Bids and asks of one order book."""

    def __init__(self) -> None:
        self.bids = Side(descending=True)
        self.asks = Side(descending=False)

    def load(
        self, bids: Iterable[Level], asks: Iterable[Level], *, bids_whole: bool, asks_whole: bool
    ) -> None:
        """Replace all levels by a snapshot's."""
        self.bids.load(bids, whole=bids_whole)
        self.asks.load(asks, whole=asks_whole)

    def apply(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Apply changed levels, given as absolute sizes."""
        self.bids.apply(bids)
        self.asks.apply(asks)

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no exchange's book ever is."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid >= ask

    def knows(self, count: int) -> bool:
        """Whether the best `count` levels of both sides are known."""
        return self.bids.knows(count) and self.asks.knows(count)


class _Levels(Struct, array_like=True, gc=False):
    rows: list[
        tuple[Annotated[float, Meta(gt=0, lt=1e300)], Annotated[float, Meta(ge=0, lt=1e300)]]
    ]


def levels(rows: list[list[Any]]) -> list[Level]:
    """Return `[["61510.90","0.014"], …]` as numbers; raise ValueError for an impossible level.

    A level's further values are ignored. msgspec reads the numbers, in a tenth of the time; one
    that it rejects is read as `feedd.numbers` reads it.
    """
    if rows and len(rows[0]) > 2:
        rows = [row[:2] for row in rows]
    try:
        return convert([rows], _Levels, strict=False).rows
    except ValidationError:
        return [_level(row) for row in rows]


def _level(row: list[Any]) -> Level:
    price, size = number(row[0]), number(row[1])
    if not (0 < price < math.inf and 0 <= size < math.inf):
        raise ValueError(f"{row} is not a price and a size")
    return price, size

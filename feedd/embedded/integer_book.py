"""An order book by price level, and its changes since a moment. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Literal, NamedTuple

Side = Literal["bid", "ask"]
Level = tuple[int, int]  # price and size


class Diff(NamedTuple):
    """The levels that changed, and the ids of the first, the newest and the last sent update."""

    first_id: int
    last_id: int
    previous_id: int
    time_ms: int
    bids: list[Level]
    asks: list[Level]


class IntegerBook:
    """Sizes by price, in the instrument's units; a size of 0 removes the level."""

    def __init__(self) -> None:
        self.sizes: dict[Side, dict[int, int]] = {"bid": {}, "ask": {}}
        self._prices: dict[Side, list[int]] = {"bid": [], "ask": []}  # ascending

    def set(self, side: Side, price: int, size: int) -> None:
        """Set a level to an absolute size; removing one that isn't there is normal."""
        sizes, prices = self.sizes[side], self._prices[side]
        if size:
            if price not in sizes:
                insort(prices, price)
            sizes[price] = size
        elif sizes.pop(price, None) is not None:
            del prices[bisect_left(prices, price)]

    def best(self, side: Side) -> Level | None:
        """Return the best level's price and size, or None where the side is empty."""
        prices = self._prices[side]
        if not prices:
            return None
        price = prices[-1] if side == "bid" else prices[0]
        return price, self.sizes[side][price]

    def worst_price(self, side: Side) -> int:
        """Return the price farthest from the other side."""
        return self._prices[side][0] if side == "bid" else self._prices[side][-1]

    def levels(self, side: Side, limit: int) -> list[Level]:
        """Return levels, best first."""
        prices, sizes = self._prices[side], self.sizes[side]
        nearest = reversed(prices[-limit:]) if side == "bid" else prices[:limit]
        return [(price, sizes[price]) for price in nearest]


class Changes:
    """Collects changes of a book until they are taken."""

    def __init__(self, update_id: int) -> None:
        self._previous = update_id
        self._first: int | None = None
        self._newest = update_id
        self._time = 0
        self._changes: dict[Side, dict[int, int]] = {"bid": {}, "ask": {}}

    def change(self, side: Side, price: int, size: int, update_id: int, time_ms: int) -> None:
        """Record a level's new size."""
        if self._first is None:
            self._first = update_id
        self._newest = update_id
        self._time = time_ms
        self._changes[side][price] = size

    def take(self) -> Diff | None:
        """Return the changes and reset; None if nothing changed."""
        if self._first is None:
            return None
        bids, asks = (sorted(self._changes[side].items()) for side in ("bid", "ask"))
        diff = Diff(self._first, self._newest, self._previous, self._time, bids, asks)
        self._previous, self._first = self._newest, None
        self._changes = {"bid": {}, "ask": {}}
        return diff

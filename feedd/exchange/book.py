"""An order book by price level, and the diff-depth streams that follow it. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from feedd.exchange.instruments import Instrument

Side = Literal["bid", "ask"]


class Book:
    """Sizes by price, in the instrument's units; a size of 0 is no level."""

    def __init__(self) -> None:
        self.sizes: dict[Side, dict[int, int]] = {"bid": {}, "ask": {}}
        self._prices: dict[Side, list[int]] = {"bid": [], "ask": []}  # ascending

    def set(self, side: Side, price: int, size: int) -> None:
        """Put a level to an absolute size; removing one that isn't there is normal."""
        sizes, prices = self.sizes[side], self._prices[side]
        if size:
            if price not in sizes:
                insort(prices, price)
            sizes[price] = size
        elif sizes.pop(price, None) is not None:
            del prices[bisect_left(prices, price)]

    def best(self, side: Side) -> tuple[int, int] | None:
        """Return the best level's price and size, or None where the side is empty."""
        prices = self._prices[side]
        if not prices:
            return None
        price = prices[-1] if side == "bid" else prices[0]
        return price, self.sizes[side][price]

    def worst_price(self, side: Side) -> int:
        """Return the price farthest from the other side."""
        return self._prices[side][0] if side == "bid" else self._prices[side][-1]

    def levels(self, side: Side, limit: int) -> list[tuple[int, int]]:
        """Return levels, best first."""
        prices, sizes = self._prices[side], self.sizes[side]
        nearest = reversed(prices[-limit:]) if side == "bid" else prices[:limit]
        return [(price, sizes[price]) for price in nearest]


class DepthStream:
    """Collects changes of a book into `depthUpdate` events: `U`, `u`, and `pu` of the last one.

    `U` is the first update's id since the last event, `u` the newest one's.
    """

    def __init__(self, instrument: Instrument, update_id: int) -> None:
        self._instrument = instrument
        self._previous = update_id
        self._first: int | None = None
        self._newest = update_id
        self._time = 0
        self._changes: dict[Side, dict[int, int]] = {"bid": {}, "ask": {}}

    def change(self, side: Side, price: int, size: int, update_id: int, time_ms: int) -> None:
        """Take a level's new size."""
        if self._first is None:
            self._first = update_id
        self._newest = update_id
        self._time = time_ms
        self._changes[side][price] = size

    def take(self, now_ms: int) -> tuple[int, str] | None:
        """Return the event's id and data, and begin the next; None where nothing changed."""
        if self._first is None:
            return None
        i = self._instrument
        bids, asks = (_levels(i, sorted(self._changes[side].items())) for side in ("bid", "ask"))
        data = (
            f'{{"e":"depthUpdate","E":{now_ms},"T":{self._time},"s":"{i.id}","U":{self._first},'
            f'"u":{self._newest},"pu":{self._previous},"b":{bids},"a":{asks},'
            f'"ps":"{i.id}","st":1}}'
        )
        newest = self._newest
        self._previous, self._first = newest, None
        self._changes = {"bid": {}, "ask": {}}
        return newest, data


def partial_depth(
    instrument: Instrument, book: Book, levels: int, update_id: int, previous_id: int, now_ms: int
) -> str:
    """Return `<symbol>@depth<levels>`'s data: the top of the book, whole."""
    i = instrument
    bids, asks = (_levels(i, book.levels(side, levels)) for side in ("bid", "ask"))
    return (
        f'{{"e":"depthUpdate","E":{now_ms},"T":{now_ms},"s":"{i.id}","U":{previous_id},'
        f'"u":{update_id},"pu":{previous_id},"b":{bids},"a":{asks},"ps":"{i.id}","st":1}}'
    )


def _levels(instrument: Instrument, levels: list[tuple[int, int]]) -> str:
    price, size = instrument.price, instrument.size
    return "[" + ",".join(f'["{price(p)}","{size(s)}"]' for p, s in levels) + "]"

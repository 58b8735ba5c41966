"""Whether published books are what the exchange's updates make. Pure.

A snapshot is not in every truth log (Binance's comes over REST), so that only what updates have
named is known: a price that was named has the size it was given last, and stands in the book, or
not, accordingly. Where the stream itself has a snapshot (Bybit), the whole book is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.books.levels import PriceLevels

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.books.levels import Level, Side
    from feedd.venues.truth import BookUpdate


class BookCheck:
    """One stream's book; `load` returns the update of an event by its place."""

    def __init__(self, load: Callable[[int], BookUpdate]) -> None:
        self._load = load
        self._next = 0
        self._forget()
        self._last: int | None = None

    def _forget(self) -> None:
        self._book = PriceLevels()
        self._said: tuple[dict[float, float], dict[float, float]] = ({}, {})
        self._whole = False

    def check(self, index: int, payload: dict[str, Any]) -> str | None:
        """Return what is wrong in the book published of the event at a place, or None.

        Places must not fall.
        """
        while self._next <= index:
            self._apply(self._load(self._next))
            self._next += 1
        bids, asks = payload["bids"], payload["asks"]
        depth = max(len(bids), len(asks))
        sides = (("bid", bids, self._book.bids, 0), ("ask", asks, self._book.asks, 1))
        for name, rows, side, number in sides:
            told = [(row[0], row[1]) for row in rows]
            wrong = (
                self._against_whole(told, side, depth)
                if self._whole
                else self._against_said(told, side, number)
            )
            if wrong is not None:
                return f"{name} {wrong}"
        return None

    @staticmethod
    def _against_whole(told: list[Level], side: Side, depth: int) -> str | None:
        meant = side.top(depth)
        if told == meant:
            return None
        at = next((i for i, (a, b) in enumerate(zip(told, meant, strict=False)) if a != b), None)
        if at is None:
            return f"has {len(told)} levels, and the exchange's has {len(meant)}"
        return f"level {at + 1} is {told[at]}, and the exchange's is {meant[at]}"

    def _against_said(self, told: list[Level], side: Side, number: int) -> str | None:
        said = self._said[number]
        for price, size in told:
            if said.get(price, size) != size:
                return f"at {price} is {size}, and the exchange said {said[price]}"
        if not told:
            return None
        there, worst = {price for price, _ in told}, told[-1][0]
        for price, size in side.top(len(told)):
            within = price >= worst if number == 0 else price <= worst
            if within and price not in there:
                return f"lacks {price}, where the exchange said {size}"
        return None

    def _apply(self, update: BookUpdate) -> None:
        bids, asks = update.bids, update.asks
        if update.is_snapshot:
            self._forget()
            self._book.load(bids, asks, bids_whole=True, asks_whole=True)
            self._whole = True
        else:
            if self._last is not None and update.before != self._last:
                self._forget()  # the stream was begun anew, and what changed meanwhile isn't known
            self._book.apply(bids, asks)
            self._said[0].update(bids)
            self._said[1].update(asks)
        self._last = update.last

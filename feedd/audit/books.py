"""Published books against the exchange's updates. Pure.

Where a venue sends its snapshot over REST, the truth log lacks it, and only the prices that updates
named are known: each has the size named last, or is absent if that was 0. Where the stream itself
has a snapshot, the whole book is known.
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
        self._named: tuple[dict[float, float], dict[float, float]] = ({}, {})
        self._whole = False

    def check(self, index: int, payload: dict[str, Any]) -> str | None:
        """Return the error in the book published for the event at a place, or None.

        Places must not decrease.
        """
        while self._next <= index:
            self._apply(self._load(self._next))
            self._next += 1
        bids, asks = payload["bids"], payload["asks"]
        depth = max(len(bids), len(asks), 1)
        sides = (("bid", bids, self._book.bids, 0), ("ask", asks, self._book.asks, 1))
        for name, payload_rows, side, number in sides:
            rows = [(row[0], row[1]) for row in payload_rows]
            wrong = (
                self._against_whole(rows, side, depth)
                if self._whole
                else self._against_named(rows, side, number)
            )
            if wrong is not None:
                return f"{name} {wrong}"
        return None

    @staticmethod
    def _against_whole(rows: list[Level], side: Side, depth: int) -> str | None:
        expected = side.top(depth)
        if rows == expected:
            return None
        at = next((i for i, (a, b) in enumerate(zip(rows, expected, strict=False)) if a != b), None)
        if at is None:
            return f"has {len(rows)} levels; the exchange's has {len(expected)}"
        return f"level {at + 1} is {rows[at]}; the exchange's is {expected[at]}"

    def _against_named(self, rows: list[Level], side: Side, number: int) -> str | None:
        named = self._named[number]
        for price, size in rows:
            if named.get(price, size) != size:
                return f"at {price} is {size}; the exchange sent {named[price]}"
        if not rows:
            best = side.top(1)
            return f"is empty; the exchange sent {best[0]}" if best else None
        there, worst = {price for price, _ in rows}, rows[-1][0]
        for price, size in side.top(len(rows)):
            within = price >= worst if number == 0 else price <= worst
            if within and price not in there:
                return f"lacks {price}, for which the exchange sent {size}"
        return None

    def _apply(self, update: BookUpdate) -> None:
        bids, asks = update.bids, update.asks
        if update.is_snapshot:
            self._forget()
            self._book.load(bids, asks, bids_whole=True, asks_whole=True)
            self._whole = True
        else:
            if self._last is not None and update.before != self._last:
                self._forget()  # the stream restarted; changes meanwhile are unknown
            self._book.apply(bids, asks)
            self._named[0].update(bids)
            self._named[1].update(asks)
        self._last = update.last

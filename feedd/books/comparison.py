"""Comparison of published books with a page of the market that was requested beside them. Pure.

Where an exchange sends nothing to check its stream by, a missed update leaves a level wrong until
the level changes again: its size in the published books stays the same meanwhile, and every page
has another one. A level that moves is never compared, so that no fast market makes a difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Level = tuple[float, float]  # price and size
Side = Literal["bid", "ask"]
NAMED = 3  # levels that a text names


class Page(NamedTuple):
    """The best levels of a market, best first, from a source beside the stream."""

    bids: Sequence[Level]
    asks: Sequence[Level]


class Difference(NamedTuple):
    """A level that all published books have with one size and a page with another; 0: without."""

    side: Side
    price: float
    published: float
    page: float


class BookWindow:
    """The books that were published in a span of time, of which a page must be one.

    The span begins as long before the page's request as an answer may be old, and ends with the
    answer.
    """

    def __init__(self) -> None:
        self.books = 0
        self._bids, self._asks = _SideWindow(sign=-1), _SideWindow(sign=1)

    def add(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Take the next book, or the one that was published last when the span began."""
        self.books += 1
        self._bids.add(bids)
        self._asks.add(asks)

    def differences(self, page: Page) -> list[Difference]:
        """Return the levels that contradict a page, the best first, bids first.

        Only prices are compared that the page and all books reach.
        """
        bids, asks = self._bids.differences(page.bids), self._asks.differences(page.asks)
        return [
            *(Difference("bid", *difference) for difference in bids),
            *(Difference("ask", *difference) for difference in asks),
        ]


class _SideWindow:
    """One side; `sign` makes a better price the smaller number."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._steady: dict[float, float] = {}  # levels with one size in all books
        self._moved: set[float] = set()  # prices whose size changed
        self._reach: float | None = None  # the shortest, as a number that grows with the depth
        self._empty = False  # in one of the books: how far that reaches is not known
        self._first = True

    def add(self, levels: Sequence[Level]) -> None:
        if not levels:
            self._empty = True
            return
        reach = self._sign * levels[-1][0]
        self._reach = reach if self._reach is None else min(self._reach, reach)
        book = dict(levels)
        if self._first:
            self._first, self._steady = False, book
            return
        changed = {price for price, size in self._steady.items() if book.get(price, 0.0) != size}
        changed |= book.keys() - self._steady.keys()
        self._moved |= changed
        for price in changed:
            self._steady.pop(price, None)

    def differences(self, levels: Sequence[Level]) -> list[tuple[float, float, float]]:
        if self._empty or self._reach is None or not levels:
            return []
        page = dict(levels)
        reach = min(self._reach, self._sign * levels[-1][0])
        return [
            (price, self._steady.get(price, 0.0), page.get(price, 0.0))
            for price in sorted({*self._steady, *page}, key=lambda price: self._sign * price)
            if self._sign * price <= reach
            and price not in self._moved
            and self._steady.get(price, 0.0) != page.get(price, 0.0)
        ]


def confirmed(first: Iterable[Difference], second: Iterable[Difference]) -> list[Difference]:
    """Return the differences of two pages, in one window, that are the same."""
    again = set(second)
    return [difference for difference in first if difference in again]


def differences_text(differences: Sequence[Difference]) -> str:
    """Return what differs, in one line; of many levels the best ones are named."""
    named = ", ".join(
        f"{one.side} {one.price!r} has {one.published!r} and not {one.page!r}"
        for one in differences[:NAMED]
    )
    more = "" if len(differences) <= NAMED else f", and {len(differences) - NAMED} more"
    return f"the book differs from two REST snapshots: {named}{more}"

"""Books of Tardis' tables: from updates of levels, and from the best levels in columns."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from feedd.books.levels import Level, PriceLevels
from feedd.model import Book
from feedd.recordings.importing.table_cells import Cells, RowError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEVEL = re.compile(r"(asks|bids)\[(\d+)\]\.(price|amount)")


class BookEvent(NamedTuple):
    """A book, with the reason of the gap before it."""

    at_ns: int
    tick: Book
    gap: str | None


class _SymbolBook:
    """One symbol's levels; `levels` is None before the first snapshot."""

    def __init__(self) -> None:
        self.levels: PriceLevels | None = None
        self.in_snapshot = False
        self.broken: str | None = None  # reason of the gap before the next book


class BookUpdates:
    """Books from rows with `is_snapshot`, `side`, `price` and `size`.

    Rows with the same time of receipt were one message: the books that it changed are published
    after its last row. `take` returns those of the message before, `finish` those of the last.
    """

    def __init__(self, cells: Cells, depth: int) -> None:
        self._cells = cells
        self._depth = depth
        self._books: dict[tuple[str, str], _SymbolBook] = {}
        self._changed: dict[tuple[str, str], tuple[int | None, int, int]] = {}  # by the message
        self._received_ns = 0
        self.left_out: Counter[str] = Counter()

    def take(self, fields: list[str], exchange: str, symbol: str) -> list[BookEvent]:
        """Take a row; raise RowError for an impossible value."""
        cells = self._cells
        moments = cells.moments(fields)
        is_snapshot = cells.truth(fields, "is_snapshot")
        side, price = cells.side(fields), cells.positive(fields, "price")
        size = cells.number(fields, "size")
        if side is None or size is None or is_snapshot is None:
            raise RowError(
                "side" if side is None else "size" if size is None else "is_snapshot",
                "it is missing",
            )
        ended = self.finish() if moments[1] != self._received_ns else []
        self._received_ns = moments[1]
        name = (exchange, symbol)
        book = self._books.get(name)
        if book is None:
            book = self._books[name] = _SymbolBook()
        if is_snapshot and not book.in_snapshot:
            if book.levels is not None:
                book.broken = book.broken or "a new snapshot: the recorder reconnected"
            book.levels = PriceLevels()
        book.in_snapshot = is_snapshot
        if book.levels is None:
            self.left_out["row before the first snapshot of a book"] += 1
            return ended
        (book.levels.bids if side == "buy" else book.levels.asks).set(price, size)
        self._changed[name] = moments
        return ended

    def finish(self) -> list[BookEvent]:
        """Return the books that the message changed; a crossed one is a gap before the next."""
        found = []
        for (exchange, symbol), (ms, received_ns, published_ns) in self._changed.items():
            book = self._books[exchange, symbol]
            levels = book.levels or PriceLevels()
            if levels.crossed:
                self.left_out["crossed book"] += 1
                book.broken = book.broken or "the book was crossed"
                continue
            tick = Book(
                symbol, ms, levels.bids.top(self._depth), levels.asks.top(self._depth), exchange,
                received_ns, published_ns,
            )  # fmt: skip
            found.append(BookEvent(published_ns, tick, book.broken))
            book.broken = None
        self._changed.clear()
        return found


def columns_of_levels(
    header: Sequence[str],
) -> Callable[[list[str]], tuple[list[Level], list[Level]]]:
    """Return the reader of levels from columns `asks[0].price`, `asks[0].amount`, …."""
    places: dict[str, dict[int, dict[str, int]]] = {"bids": {}, "asks": {}}
    for index, name in enumerate(header):
        match = _LEVEL.fullmatch(name)
        if match is not None:
            places[match[1]].setdefault(int(match[2]), {})[match[3]] = index
    pairs = {
        side: [
            (levels[n]["price"], levels[n]["amount"]) for n in sorted(levels) if len(levels[n]) == 2
        ]
        for side, levels in places.items()
    }

    def side(fields: list[str], name: str) -> list[Level]:
        found = []
        for price, amount in pairs[name]:
            if not fields[price]:
                break  # fewer levels than columns
            try:
                found.append((float(fields[price]), float(fields[amount])))
            except ValueError:
                raise RowError(
                    name, f"{fields[price]!r}, {fields[amount]!r} are not a price and a size"
                ) from None
        return found

    return lambda fields: (side(fields, "bids"), side(fields, "asks"))

"""Order of the rows: by which column, and in which direction. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from feedd.operation.top.columns import BY_KEY, COLUMNS
from feedd.operation.top.rows import TopRow, sorted_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

UNWELL_FIRST = "state"


@dataclass(frozen=True, slots=True)
class Order:
    """A column's key, and whether its highest value comes first."""

    key: str = UNWELL_FIRST
    reverse: bool = False

    def rows(self, rows: Iterable[TopRow]) -> list[TopRow]:
        """Return rows in this order."""
        value = BY_KEY[self.key].value
        return list(rows) if value is None else sorted_rows(rows, value, reverse=self.reverse)

    def chosen(self, key: str) -> Order:
        """Return the order after a column is chosen: the same column again reverses it."""
        if BY_KEY[key].value is None:
            return self
        return self.reversed() if key == self.key else Order(key, BY_KEY[key].highest_first)

    def reversed(self) -> Order:
        """Return the opposite direction."""
        return Order(self.key, not self.reverse)

    def beside(self, step: int, shown: Collection[str]) -> Order:
        """Return the order by the next shown column (`step` 1), or by the one before (-1)."""
        keys = [one.key for one in COLUMNS if one.value is not None and one.key in shown]
        if not keys:
            return self
        at = keys.index(self.key) + step if self.key in keys else 0
        key = keys[at % len(keys)]
        return Order(key, BY_KEY[key].highest_first)

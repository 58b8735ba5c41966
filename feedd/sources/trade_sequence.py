"""Trades in the order of their ids, where an exchange leaves no id out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.model import Trade

HELD_AT_MOST = 10_000  # behind a hole: more than six seconds of the busiest that was recorded


class MissingTrades(NamedTuple):
    """Ids that never came: those between `from_id` and `to_id`, neither of which is missing."""

    from_id: int
    to_id: int


class TradeSequence:
    """Holds back what comes after a hole until the hole is filled or given up.

    A trade that comes twice, or after its hole was given up, is dropped: the first was published,
    the second was reported. None in a trade's place takes up its id and is not published.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._held: dict[int, Trade | None] = {}

    @property
    def hole(self) -> MissingTrades | None:
        """The first hole that something is held back for."""
        if self._last is None or not self._held:
            return None
        return MissingTrades(self._last, min(self._held))

    @property
    def full(self) -> bool:
        """Whether too much is held back to wait any longer."""
        return len(self._held) >= HELD_AT_MOST

    def take(self, trade_id: int, trade: Trade | None) -> list[Trade]:
        """Take a trade of the stream; return those that are in order now."""
        last = self._last
        if last is None or (trade_id == last + 1 and not self._held):
            self._last = trade_id
            return [] if trade is None else [trade]
        if trade_id > last:
            self._held.setdefault(trade_id, trade)
        return self._released()

    def fill(self, trades: Iterable[tuple[int, Trade | None]]) -> list[Trade]:
        """Take trades that were asked for, by id; return those that are in order now.

        What does not belong to a hole is left out.
        """
        if self._last is None or not self._held:
            return []
        newest = max(self._held)
        for trade_id, trade in trades:
            if self._last < trade_id < newest:
                self._held.setdefault(trade_id, trade)
        return self._released()

    def give_up(self) -> tuple[MissingTrades, list[Trade]] | None:
        """Skip the first hole; return it, and the trades up to the next one."""
        hole = self.hole
        if hole is None:
            return None
        self._last = hole.to_id - 1
        return hole, self._released()

    def _released(self) -> list[Trade]:
        released = []
        if self._last is not None and self._held:
            while (following := self._last + 1) in self._held:
                self._last = following
                trade = self._held.pop(following)
                if trade is not None:
                    released.append(trade)
        return released

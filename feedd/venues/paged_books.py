"""Recorded books whose first state is a REST page beside the stream of their updates. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from feedd.venues.played import Depth, LevelTexts


class PagedBooks:
    """Joins each market's page with the updates around it, as one whole book and what follows.

    Updates before a page wait for it. Those that it lacks are joined to it, so that every frame
    has at most one event.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[Depth]] = {}
        self._last: dict[str, int] = {}

    def page(self, whole: Depth) -> Depth | None:
        """Return the whole book of a page; None for a second page of a market."""
        if whole.market in self._last:
            return None
        for update in self._waiting.pop(whole.market, ()):
            if update.last > whole.last:
                whole = replace(
                    whole, bids=_joined(whole.bids, update.bids),
                    asks=_joined(whole.asks, update.asks), last=update.last,
                    time_ms=update.time_ms,
                )  # fmt: skip
        self._last[whole.market] = whole.last
        return whole

    def update(self, update: Depth) -> Depth | None:
        """Return an update that follows the last state; None for one that is in it, or waits."""
        last = self._last.get(update.market)
        if last is None:
            self._waiting.setdefault(update.market, []).append(update)
            return None
        if update.last <= last:
            return None
        self._last[update.market] = update.last
        return replace(update, before=last) if update.before < last else update


def _joined(
    levels: tuple[LevelTexts, ...], changed: tuple[LevelTexts, ...]
) -> tuple[LevelTexts, ...]:
    found = {Decimal(level[0]): level for level in levels}
    for level in changed:
        if Decimal(level[1]):
            found[Decimal(level[0])] = level
        else:
            found.pop(Decimal(level[0]), None)
    return tuple(found.values())

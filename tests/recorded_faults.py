"""Recorded updates of a book, which Hypothesis loses, doubles, swaps and repeats, or starts again.

An altered message that can't be read is a lost one. Whatever happens, a book that the rules call
synced is the recorded one with its id, which plain dicts keep here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from hypothesis import strategies as st

from feedd.books.depth import DepthRules, Snapshot, Update

Fault = Literal["lose", "double", "swap", "reset", "repeat"]
FAULTS: tuple[Fault, ...] = ("lose", "double", "swap", "reset", "repeat")
Sides = tuple[dict[float, float], dict[float, float]]
SHOWN = 20  # levels compared


class Plan(NamedTuple):
    """Faults by the position of an update, and how many updates a snapshot takes to arrive."""

    faults: dict[int, Fault]
    delay: int


def plans(length: int) -> st.SearchStrategy[Plan]:
    faults = st.dictionaries(st.integers(0, length - 1), st.sampled_from(FAULTS), max_size=8)
    return st.builds(Plan, faults, st.integers(0, 4))


class RecordedBook:
    """The true book after each of the recorded updates, from a first snapshot on."""

    def __init__(self, snapshot: Snapshot, updates: Sequence[Update]) -> None:
        sides: Sides = (dict(snapshot.bids), dict(snapshot.asks))
        self.updates = [one for one in updates if one.last > snapshot.last]
        self._states = [(snapshot.last, snapshot.timestamp, _copy(sides))]
        for update in self.updates:
            for side, changed in zip(sides, (update.bids, update.asks), strict=True):
                for price, size in changed:
                    if size:
                        side[price] = size
                    else:
                        side.pop(price, None)
            self._states.append((update.last, update.timestamp, _copy(sides)))
        self._by_id = {last: state for last, _, state in self._states}

    def snapshot(self, position: int, limit: int | None = None) -> Snapshot:
        """Return the book before the update at a position."""
        last, timestamp, (bids, asks) = self._states[position]
        best = sorted(bids.items(), reverse=True)[:limit], sorted(asks.items())[:limit]
        return Snapshot(last, *best, timestamp, limit=limit)

    def takers_side(self, price: float, time_ms: int) -> Literal["buy", "sell"] | None:
        """Return the side of a taker by the book just before; None: a price inside the spread."""
        return self._side_at(price, [one for _, at, one in self._states if (at or 0) < time_ms])

    def takers_side_before(self, price: float, last: int) -> Literal["buy", "sell"] | None:
        """Return the side of a taker by the book before an id."""
        return self._side_at(price, [one for id_, _, one in self._states if id_ < last])

    def _side_at(self, price: float, before: list[Sides]) -> Literal["buy", "sell"] | None:
        bids, asks = before[-1] if before else self._states[0][2]
        if asks and price >= min(asks):
            return "buy"
        return "sell" if bids and price <= max(bids) else None

    def check(self, rules: DepthRules) -> None:
        assert rules.last_id is not None
        bids, asks = self._by_id[rules.last_id]
        assert rules.book.bids.top(SHOWN) == sorted(bids.items(), reverse=True)[:SHOWN]
        assert rules.book.asks.top(SHOWN) == sorted(asks.items())[:SHOWN]


def play(book: RecordedBook, rules: DepthRules, plan: Plan, limit: int | None = None) -> int:
    """Play all updates with the faults of a plan; return how many books were synced.

    A snapshot is taken when it is asked for, and arrives `delay` updates later; it has `limit`
    levels.
    """
    stream = _Stream(book.updates)
    synced = 0
    on_its_way: tuple[int, Snapshot] | None = None
    rules.on_snapshot(book.snapshot(0, limit))
    for position in range(len(book.updates)):
        fault = plan.faults.get(position)
        if fault == "reset":
            rules.reset()
            on_its_way = None
        for update in stream.sent(position, fault):
            rules.on_update(update)
            if rules.synced:
                book.check(rules)
                synced += 1
        if on_its_way is not None and position >= on_its_way[0]:
            rules.on_snapshot(on_its_way[1])
            on_its_way = None
            if rules.synced:
                book.check(rules)
        elif rules.needs_snapshot and on_its_way is None:
            on_its_way = position + plan.delay, book.snapshot(position + 1, limit)
    return synced


class _Stream:
    def __init__(self, updates: Sequence[Update]) -> None:
        self._updates = updates
        self._held: list[Update] = []  # swapped with the next one

    def sent(self, position: int, fault: Fault | None) -> list[Update]:
        """Return what arrives in place of the update at a position."""
        update = self._updates[position]
        if fault == "reset":
            self._held = []
        if fault == "swap" and not self._held:
            self._held = [update]
            return []
        earlier = self._updates[max(0, position - 3) : position] if fault == "repeat" else ()
        times = {"lose": 0, "double": 2}.get(fault or "", 1)
        held, self._held = self._held, []
        return [update] * times + [*earlier] + held


def _copy(sides: Sides) -> Sides:
    return dict(sides[0]), dict(sides[1])

"""A made-up market whose depth stream loses, doubles, swaps and alters messages, or starts again.

Hypothesis chooses the changes and the faults. Whatever it chooses, a book that the rules call
synced is the true book with its id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from hypothesis import strategies as st

from feedd.books.depth import DepthRules, Snapshot, Update

Fault = Literal["none", "lose", "double", "swap", "alter", "reset"]
Sides = tuple[dict[float, float], dict[float, float]]
MIDDLE = 100  # bids are at lower prices, asks from here on


class Change(NamedTuple):
    """A level of one side, `at` ticks from the middle; a size of 0 removes it."""

    is_bid: bool
    at: int
    size: int

    @property
    def price(self) -> float:
        return float(MIDDLE - 1 - self.at if self.is_bid else MIDDLE + self.at)


class Step(NamedTuple):
    """One message: the changes in it, its fault, and how long a snapshot takes after it."""

    changes: list[Change]
    fault: Fault
    delay: int


class Codec(Protocol):
    """The venue's messages; `before` and `last` are ids of the market, which skip no number."""

    def snapshot(self, last: int, book: Sides) -> list[Any]:
        """Return the messages of a whole book."""

    def update(self, before: int, last: int, changed: Sides, book: Sides) -> list[Any]:
        """Return the messages of a change that leads to a book."""

    def altered(self, messages: list[Any]) -> list[Any]:
        """Return them with other contents, of which the venue's checksum shows that."""


def steps(*, faults: tuple[Fault, ...]) -> st.SearchStrategy[list[Step]]:
    change = st.builds(
        Change, st.booleans(), st.integers(0, 12), st.sampled_from((0, 0, 1, 2, 3, 5, 10, 25))
    )
    one = st.builds(
        Step, st.lists(change, min_size=1, max_size=4),
        st.sampled_from(("none", "none", "none", *faults)), st.integers(0, 3),
    )  # fmt: skip
    return st.lists(one, min_size=1, max_size=30)


def play(
    chosen: list[Step],
    codec: Codec,
    rules: DepthRules,
    parse: Callable[[Any], Update | Snapshot | None],
    id_of: Callable[[int], int] | None = lambda last: last,
    levels: int = 1000,
) -> int:
    """Play the steps and check every book; return how many were synced.

    `id_of` returns the id that the venue gives the state with a number of the market's; None: it
    has no ids, and the state is that of the last of a change's messages. `levels` are those that
    the venue's stream keeps.
    """
    player = _Player(codec, rules, parse, id_of, levels)
    player.renew()
    for step in chosen:
        player.play(step)
    return player.synced


class _Player:
    def __init__(
        self, codec: Codec, rules: DepthRules, parse: Callable[[Any], Any],
        id_of: Callable[[int], int] | None, levels: int,
    ) -> None:  # fmt: skip
        self.synced = 0
        self._codec, self._rules, self._parse = codec, rules, parse
        self._id_of, self._levels = id_of or (lambda _last: 0), levels
        self._has_ids = id_of is not None
        self._market = _Market(codec)
        self._truth: dict[int, Sides] = {}
        self._newest_id = 0  # of the synced books
        self._held: list[Any] = []  # swapped with what follows
        self._wait: int | None = None  # steps until the snapshot

    def play(self, step: Step) -> None:
        messages = self._market.change(step.changes)
        self._truth[self._id_of(self._market.last)] = self._market.copy()
        if step.fault == "reset":
            self._rules.reset()
            self.renew()
            return
        self._send(messages, step.fault)
        if self._rules.needs_snapshot:
            self._wait = step.delay if self._wait is None else self._wait - 1
            if self._wait <= 0:
                self.renew()

    def renew(self) -> None:
        """Let the stream begin again, with a snapshot."""
        self._held, self._wait = [], None
        last = self._market.last
        self._truth[self._id_of(last)] = self._market.copy()
        self._deliver(self._codec.snapshot(last, self._market.copy()))
        assert self._rules.synced

    def _send(self, messages: list[Any], fault: Fault) -> None:
        if fault == "swap":
            self._held += messages
            return
        if fault == "double":
            messages = messages * 2
        elif fault == "alter":
            messages = self._codec.altered(messages)
        if fault != "lose":
            held, self._held = self._held, []
            self._deliver(messages + held)

    def _deliver(self, messages: list[Any]) -> None:
        for message in messages:
            parsed = self._parse(message)
            if isinstance(parsed, Snapshot):
                self._rules.on_snapshot(parsed)
            elif parsed is not None:
                self._rules.on_update(parsed)
            if self._rules.synced and (self._has_ids or message is messages[-1]):
                self._check()

    def _check(self) -> None:
        count, book, last_id = self._levels, self._rules.book, self._rules.last_id or 0
        bids, asks = self._truth[last_id]
        assert last_id >= self._newest_id
        self._newest_id = last_id
        assert book.bids.top(count) == sorted(bids.items(), reverse=True)[:count]
        assert book.asks.top(count) == sorted(asks.items())[:count]
        self.synced += 1


class _Market:
    """The true book; it never lacks a best bid and ask, and never crosses."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._book: Sides = ({98.0: 1.0, 97.0: 2.0}, {101.0: 1.0, 102.0: 2.0})
        self.last = 1

    def copy(self) -> Sides:
        return dict(self._book[0]), dict(self._book[1])

    def change(self, changes: list[Change]) -> list[Any]:
        changed: Sides = ({}, {})
        for one in changes:
            side = 0 if one.is_bid else 1
            changed[side][one.price] = float(one.size)
            if one.size:
                self._book[side][one.price] = float(one.size)
            else:
                self._book[side].pop(one.price, None)
        before, self.last = self.last, self.last + 1
        return self._codec.update(before, self.last, changed, self.copy())

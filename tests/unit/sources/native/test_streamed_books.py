"""Books whose stream begins with a snapshot, on one and on two connections: never a wrong one."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_callbacks import RecordedCallbacks

from feedd.books.depth import Snapshot, Update
from feedd.books.streamed import StreamedBook
from feedd.merge.by_id import Merge
from feedd.sources import book_keeper
from feedd.sources.book_keeper import BookKeeper
from feedd.sources.merged_events import DepthMessage, same_depth
from feedd.sources.native.handlers import depths
from feedd.venues.native import Keyed

Levels = tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]


class Market:
    """A book that changes, its connections, and a keeper that reads them through the merge."""

    def __init__(self) -> None:
        self.sink = RecordedCallbacks()
        self.keeper = BookKeeper("x", "X/Y", StreamedBook(), 5, self._renew)
        self.merge = Merge(self._publish, self._missing, same_depth)
        self._handler = depths(self._convert, self.merge, self.keeper)
        self._random = random.Random(1)
        self._sides: tuple[dict[float, float], dict[float, float]] = ({}, {})
        self.id = 100
        self.true: dict[int, set[Levels]] = {}  # by id; the ids may restart
        self.pending: dict[str, deque[Any]] = {}  # by connection
        self.renewals = 0
        for number in range(8):
            self._sides[0][50.0 - number] = 1.0
            self._sides[1][51.0 + number] = 1.0
        self._note()

    # --- the exchange -------------------------------------------------------------------------

    def change(self) -> None:
        side = self._random.randrange(2)
        best = 50.0 if side == 0 else 51.0
        price = best + (-1 if side == 0 else 1) * self._random.randrange(10)
        size = float(self._random.randrange(4))
        if size:
            self._sides[side][price] = size
        else:
            self._sides[side].pop(price, None)
        self.id += 1
        changes: list[list[tuple[float, float]]] = [[], []]
        changes[side].append((price, size))
        self._note()
        update = Update(self.id - 1, self.id, self.id, changes[0], changes[1])
        for queue in self.pending.values():
            queue.append(update)

    def restart(self) -> None:
        self.id = 1
        self._note()
        for queue in self.pending.values():
            queue.append(self._snapshot())

    def open(self, line: str) -> None:
        if line not in self.pending:
            self.pending[line] = deque([self._snapshot()])
            self.merge.opened(line)

    def close(self, line: str) -> None:
        if self.pending.pop(line, None) is not None and not self.merge.closed(line, "closed"):
            self.keeper.lost("closed")

    def _snapshot(self) -> Snapshot:
        bids, asks = self._sides
        return Snapshot(self.id, sorted(bids.items(), reverse=True), sorted(asks.items()), self.id)

    def _note(self) -> None:
        bids, asks = self._sides
        top = tuple(sorted(bids.items(), reverse=True)[:5]), tuple(sorted(asks.items())[:5])
        self.true.setdefault(self.id, set()).add(top)

    # --- the source ---------------------------------------------------------------------------

    def deliver(self, line: str) -> None:
        queue = self.pending.get(line)
        if queue:
            self._take(line, queue.popleft())

    def _take(self, line: str, event: Any) -> None:
        self._handler(line, event, b"", 0)  # type: ignore[arg-type]  # a connection's name

    def _convert(self, event: Any, _payload: bytes, _received_ns: int) -> Keyed:
        return Keyed(event.last, None if isinstance(event, Snapshot) else event.before, event)

    def _publish(self, depth: DepthMessage) -> None:
        self.keeper.on_message(depth.joined(), 0, self.sink)

    def _missing(self, from_id: Any, to_id: Any, reason: str) -> None:
        self.sink.missing("book", from_id, to_id, reason)

    async def _renew(self) -> None:
        self.renewals += 1
        for line, queue in self.pending.items():
            self.merge.renewed(line)
            queue.append(self._snapshot())

    # --- what a test does ---------------------------------------------------------------------

    def deliver_all(self) -> None:
        for line in list(self.pending):
            while self.pending.get(line):
                self.deliver(line)

    def books(self) -> list[tuple[int, Levels]]:
        return [(tick.id, (tuple(tick.bids), tuple(tick.asks))) for tick in self.sink.ticks]

    def check(self) -> None:
        for id_, levels in self.books():
            assert levels in self.true[id_], f"a wrong book was published as {id_}"


async def settled(market: Market) -> None:
    """Let the market go on without faults until the book is verified again."""
    now_s = 1e6
    for number in range(60):
        market.change()
        market.deliver_all()
        now_s += 2.0
        market.merge.overdue(now_s)
        # Old ids that follow each other have restarted: the fifth shows it.
        if number > 8 and market.keeper.synced and market.books()[-1][0] == market.id:
            return
        await asyncio.sleep(0 if market.keeper.synced else 0.02)


OPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["change"] * 4
            + ["deliver"] * 6
            + ["lose", "double", "swap", "alter", "open", "open", "close", "restart"]
        ),
        st.sampled_from("ab"),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(OPS)
def test_no_fault_of_any_connection_leads_to_a_wrong_book(
    operations: list[tuple[str, str]],
) -> None:
    async def run() -> Market:
        market = Market()
        market.open("a")
        for what, line in operations:
            queue = market.pending.get(line)
            if what in {"change", "restart"}:
                getattr(market, what)()
            elif what in {"open", "close", "deliver"}:
                getattr(market, what)(line)
            elif queue and what == "lose":
                queue.popleft()
            elif queue and what == "double":
                queue.appendleft(queue[0])
            elif len(queue or ()) > 1 and what == "swap" and queue is not None:
                queue[0], queue[1] = queue[1], queue[0]
            elif queue and what == "alter" and isinstance(queue[0], Update):
                wrong = queue[0].last + 1000
                queue[0] = queue[0]._replace(before=wrong - 1, last=wrong)
            await asyncio.sleep(0)
        market.open("a")
        market.open("b")
        await settled(market)
        market.keeper.stop()
        return market

    market = asyncio.run(run())
    market.check()
    assert market.keeper.synced
    assert market.books()[-1][0] == market.id


def run(*steps: Any) -> Market:
    """Run steps on a market, each of which takes it."""

    async def all_steps() -> Market:
        market = Market()
        for step in steps:
            step(market)
            await asyncio.sleep(0.03)
        market.keeper.stop()
        return market

    market = asyncio.run(all_steps())
    market.check()
    return market


def opens(*lines: str) -> Any:
    return lambda market: [market.open(line) for line in lines]


def changes(count: int = 1) -> Any:
    return lambda market: [market.change() for _ in range(count)]


def delivers(*lines: str) -> Any:
    return lambda market: [market.deliver(line) for line in lines]


def everything(market: Market) -> None:
    market.deliver_all()


def loses(line: str) -> Any:
    return lambda market: market.pending[line].popleft()


def test_a_second_connections_snapshot_neither_interrupts_nor_repeats_the_book() -> None:
    market = run(
        opens("a"), changes(3), everything, opens("b"), changes(2), delivers("b", "b", "b"),
        everything, changes(2), everything, lambda m: m.close("a"), changes(2), everything,
    )  # fmt: skip
    assert [id_ for id_, _ in market.books()] == list(range(100, 110))
    assert (market.sink.holes, market.sink.resyncs, market.renewals) == ([], [], 0)


def test_a_hole_of_one_connection_is_filled_by_the_other_without_a_new_subscription() -> None:
    market = run(
        opens("a", "b"), everything, changes(2), loses("a"), everything, changes(2), loses("b"),
        everything, changes(1), everything,
    )  # fmt: skip
    assert [id_ for id_, _ in market.books()] == list(range(100, 106))
    assert (market.sink.holes, market.sink.resyncs, market.renewals) == ([], [], 0)


def test_a_hole_of_both_is_one_gap_and_ends_with_the_snapshots_of_a_new_subscription() -> None:
    for lines in ("a", "ab"):
        market = run(
            opens(*lines), everything, changes(2), *(loses(line) for line in lines), everything,
            changes(1), everything, everything, changes(1), everything,
        )  # fmt: skip
        assert market.renewals == 1
        assert [hole[1:3] for hole in market.sink.holes] == [(100, 102)]
        assert [id_ for id_, _ in market.books()] == [100, 102, 103, 104]


def test_the_snapshot_of_a_new_subscription_may_be_older_than_the_others_updates() -> None:
    def late(market: Market) -> None:
        """Deliver the snapshot of one connection behind updates of the other."""
        snapshot = market.pending["a"].pop()
        market.pending["b"].clear()
        market.change()
        market.deliver("b")  # newer than the snapshot, and unverified
        market.pending["a"].appendleft(snapshot)
        market.deliver_all()

    market = run(
        opens("a", "b"), everything, changes(2), loses("a"), loses("b"), everything, late,
        changes(1), everything,
    )  # fmt: skip
    assert market.books()[-1][0] == market.id
    assert market.renewals == 1


def test_ids_that_restart_on_both_are_one_gap() -> None:
    market = run(
        opens("a", "b"), everything, changes(2), everything, lambda m: m.restart(), everything,
        changes(2), everything,
    )  # fmt: skip
    assert [id_ for id_, _ in market.books()] == [100, 101, 102, 1, 2, 3]
    assert len(market.sink.holes) <= 1
    assert market.renewals == 0


def test_a_snapshot_that_does_not_come_is_asked_for_again(monkeypatch: Any) -> None:
    monkeypatch.setattr(book_keeper, "SNAPSHOT_WITHIN_S", 0.01)
    market = run(
        opens("a"), loses("a"), changes(1), everything, loses("a"), changes(1), everything,
        *([lambda _: None] * 20), changes(1), everything,
    )  # fmt: skip
    assert market.renewals >= 2
    assert market.books()[-1][0] == market.id

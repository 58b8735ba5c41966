"""The rules of books that are checked by a checksum: on random faults, and one by one."""

import time
from typing import NamedTuple
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from feedd.books.checksum import MISMATCH, UNPROVEN_AT_MOST, ChecksumBook
from feedd.books.depth import Proof, Snapshot, Update
from feedd.books.levels import Level

CHECKED, COVERED = 4, 6


def checksum(bids: list[str], asks: list[str]) -> int:
    return crc32("|".join([*bids, "/", *asks]).encode())


def texts(levels: list[Level]) -> list[str]:
    return [f"{price}:{size}" for price, size in levels]


class Exchange:
    """A true book of COVERED levels a side, and the messages of its stream."""

    def __init__(self) -> None:
        self.bids = {100.0 - n: 1.0 for n in range(COVERED)}
        self.asks = {101.0 + n: 1.0 for n in range(COVERED)}

    def top(self, count: int) -> tuple[list[Level], list[Level]]:
        return (
            sorted(self.bids.items(), reverse=True)[:count], sorted(self.asks.items())[:count],
        )  # fmt: skip

    def checksum(self) -> int:
        return checksum(*map(texts, self.top(CHECKED)))

    def snapshot(self, *, proven: bool = True) -> Snapshot:
        bids, asks = self.top(COVERED)
        proof = Proof(self.checksum() if proven else None, texts(bids), texts(asks))
        return Snapshot(0, bids, asks, proof=proof)

    def change(
        self, bids: list[Level], asks: list[Level], at: int = 0, *, proven: bool = True
    ) -> Update:
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, size in levels:
                side[price] = size
                if not size:
                    del side[price]
        self.bids, self.asks = map(dict, self.top(COVERED))
        proof = Proof(self.checksum() if proven else None, texts(bids), texts(asks))
        return Update(0, 0, at, bids, asks, proof=proof)

    def proof(self) -> Update:
        return Update(0, 0, 0, [], [], proof=Proof(self.checksum(), [], []))


def book() -> ChecksumBook:
    return ChecksumBook(checksum, CHECKED, COVERED)


def published(rules: ChecksumBook) -> tuple[list[Level], list[Level]]:
    return rules.book.bids.top(CHECKED), rules.book.asks.top(CHECKED)


def test_a_book_follows_its_updates_and_drops_levels_behind_those_covered() -> None:
    exchange, rules = Exchange(), book()
    assert rules.on_snapshot(exchange.snapshot()) is None
    for price in (100.5, 100.25, 99.5):
        assert rules.on_update(exchange.change([(price, 2.0)], [], 7)) is None
        assert rules.book.bids.top(COVERED + 1) == exchange.top(COVERED)[0]
    assert rules.synced
    assert rules.timestamp == 7
    assert rules.last_id is None


def test_a_lost_update_is_one_gap_and_only_a_snapshot_ends_it() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot())
    exchange.change([(100.0, 5.0)], [])  # lost
    gap = rules.on_update(exchange.change([(99.0, 3.0)], []))
    assert gap is not None
    assert gap == (None, None, MISMATCH)
    assert rules.needs_snapshot
    assert not rules.synced
    assert rules.on_update(exchange.change([(99.0, 4.0)], [])) is None
    assert rules.on_snapshot(exchange.snapshot()) is None
    assert rules.synced
    assert published(rules) == exchange.top(CHECKED)


def test_a_doubled_update_is_harmless() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot())
    update = exchange.change([(100.0, 5.0)], [(101.0, 0.0)])
    assert [rules.on_update(update), rules.on_update(update)] == [None, None]
    assert published(rules) == exchange.top(CHECKED)


def test_a_snapshot_replaces_the_book_and_an_altered_one_is_rejected() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot())
    right = exchange.snapshot()
    assert right.proof is not None
    bids = [(100.0, 9.0), *right.bids[1:]]
    proof = right.proof._replace(bids=texts(bids))
    assert rules.on_snapshot(right._replace(bids=bids, proof=proof)) == MISMATCH
    assert rules.needs_snapshot
    fresh = Exchange()
    fresh.bids, fresh.asks = {50.0: 1.0}, {51.0: 2.0}
    assert rules.on_snapshot(fresh.snapshot()) is None
    assert published(rules) == ([(50.0, 1.0)], [(51.0, 2.0)])


def test_an_update_waits_for_the_checksum_of_a_later_message() -> None:
    exchange, rules = Exchange(), book()
    assert rules.on_snapshot(exchange.snapshot(proven=False)) is None
    assert not rules.synced
    assert not rules.needs_snapshot
    assert rules.on_update(exchange.proof()) is None
    assert rules.synced
    before = published(rules)
    assert rules.on_update(exchange.change([(100.0, 0.0)], [], proven=False)) is None
    assert rules.on_update(exchange.change([(100.5, 2.0)], [], proven=False)) is None
    assert published(rules) == before
    assert rules.on_update(exchange.proof()) is None
    assert rules.book.bids.top(1) == [(100.5, 2.0)]


def test_a_checksum_that_does_not_arrive_is_a_gap() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot())
    gaps = [
        rules.on_update(exchange.change([(100.0, 1.0 + n)], [], proven=False))
        for n in range(UNPROVEN_AT_MOST + 1)
    ]
    assert [gap for gap in gaps if gap is not None] == [gaps[-1]]
    assert rules.needs_snapshot


def test_a_crossed_book_is_a_gap_although_its_checksum_is_right() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot())
    gap = rules.on_update(exchange.change([(101.5, 1.0)], []))
    assert gap is not None
    assert gap.reason == "the book is crossed"


def test_an_update_before_the_snapshot_asks_for_one_and_a_reset_forgets_all() -> None:
    exchange, rules = Exchange(), book()
    assert rules.on_update(exchange.change([(100.0, 2.0)], [])) is None
    assert rules.needs_snapshot
    rules.reset()
    assert not rules.needs_snapshot
    rules.on_snapshot(exchange.snapshot())
    rules.reset()
    assert not rules.synced


class Fault(NamedTuple):
    """One message and what happens to it on its way."""

    kind: str
    bids: list[Level]
    asks: list[Level]


sizes = st.sampled_from([0.0, 1.0, 2.0, 3.0])
changes = st.builds(
    Fault,
    st.sampled_from(["none"] * 6 + ["lose", "double", "swap", "alter", "reset", "reconnect"]),
    st.lists(st.tuples(st.sampled_from([float(n) for n in range(90, 101)]), sizes), max_size=3),
    st.lists(st.tuples(st.sampled_from([float(n) for n in range(101, 112)]), sizes), max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(changes, max_size=40))
def test_a_synced_book_equals_the_true_book_of_some_message(faults: list[Fault]) -> None:
    """After any faults: within the checked levels, what may be published was once true."""
    exchange, rules = Exchange(), book()
    was_true = [exchange.top(CHECKED)]
    rules.on_snapshot(exchange.snapshot())
    held: Update | None = None

    def change(bids: list[Level], asks: list[Level]) -> Update:
        bids = [one for one in dict(bids).items() if one[1] or one[0] in exchange.bids]
        asks = [one for one in dict(asks).items() if one[1] or one[0] in exchange.asks]
        update = exchange.change(bids, asks)
        was_true.append(exchange.top(CHECKED))
        return update

    for kind, bids, asks in faults:
        update = change(bids, asks)
        if kind == "swap" and held is None:
            held = update
            continue
        if kind == "alter" and update.bids:
            (price, size), *rest = update.bids
            assert update.proof is not None
            altered = [(price, size + 1.0), *rest]
            update = update._replace(bids=altered, proof=update.proof._replace(bids=texts(altered)))
        if kind == "reconnect":
            rules.reset()
        if kind in {"reset", "reconnect"} or rules.needs_snapshot:
            rules.on_snapshot(exchange.snapshot())
        elif kind != "lose":
            rules.on_update(update)
            if kind == "double":
                rules.on_update(update)
        assert not rules.synced or published(rules) in was_true
        if held is not None and kind != "swap":
            rules.on_update(held)
            held = None
            assert not rules.synced or published(rules) in was_true
    rules.on_snapshot(exchange.snapshot())
    assert published(rules) == exchange.top(CHECKED)


def test_an_update_with_ten_levels_costs_microseconds() -> None:
    """Measured: about 10 µs; the limit is loose, so that a busy machine does not fail it."""
    exchange = Exchange()
    exchange.bids = {1000.0 - n: 1.0 for n in range(25)}
    exchange.asks = {1001.0 + n: 1.0 for n in range(25)}
    bids, asks = (
        sorted(exchange.bids.items(), reverse=True), sorted(exchange.asks.items()),
    )  # fmt: skip
    right = checksum(texts(bids[:10]), texts(asks[:10]))
    rules = ChecksumBook(checksum, 10, 25)
    assert (
        rules.on_snapshot(Snapshot(0, bids, asks, proof=Proof(right, texts(bids), texts(asks))))
        is None
    )
    same = Update(0, 0, 1, bids[:5], asks[:5], proof=Proof(right, texts(bids[:5]), texts(asks[:5])))
    best_s = 1.0
    for _ in range(50):
        began_s = time.perf_counter()
        for _ in range(20):
            rules.on_update(same)
        best_s = min(best_s, (time.perf_counter() - began_s) / 20)
    assert best_s < 100e-6


def numbered(update: Update, before: int, last: int, *, proven: bool = True) -> Update:
    proof = update.proof
    if proof is not None and not proven:
        proof = proof._replace(checksum=None)
    return update._replace(before=before, last=last, proof=proof)


def test_an_update_that_names_the_one_before_needs_no_checksum() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot(proven=False)._replace(last=10))
    assert not rules.synced
    update = exchange.change([(99.5, 2.0)], [])
    assert rules.on_update(numbered(update, 10, 12, proven=False)) is None
    assert (rules.synced, rules.last_id) == (True, 12)
    assert published(rules) == exchange.top(CHECKED)


def test_an_update_that_does_not_follow_the_one_it_names_is_a_gap() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot()._replace(last=10))
    exchange.change([(90.0, 2.0)], [])  # lost, and behind the levels of the checksum
    gap = rules.on_update(numbered(exchange.change([(99.5, 2.0)], []), 11, 12))
    assert gap is not None
    assert (gap.from_id, gap.to_id, gap.reason) == (10, 12, "an update of the book is missing")


def test_a_repeated_update_that_names_the_one_before_changes_nothing() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot()._replace(last=10))
    update = numbered(exchange.change([(99.5, 2.0)], []), 10, 12)
    assert (rules.on_update(update), rules.on_update(update)) == (None, None)
    assert rules.synced
    assert published(rules) == exchange.top(CHECKED)


def test_an_update_that_another_one_overtook_is_a_gap_though_its_checksum_is_right() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot()._replace(last=10))
    first = numbered(exchange.change([(99.0, 2.0)], []), 0, 11)
    second = numbered(exchange.change([(99.0, 3.0)], []), 0, 12)
    assert rules.on_update(second) is None
    gap = rules.on_update(first)
    assert gap is not None
    assert (gap.from_id, gap.to_id, gap.reason) == (12, 11, "the ids of the book's updates fall")


def test_an_overtaken_update_without_an_id_is_a_gap_by_its_order() -> None:
    exchange, rules = Exchange(), book()
    rules.on_snapshot(exchange.snapshot())
    first = exchange.change([(99.0, 2.0)], [])._replace(order=11)
    second = exchange.change([(99.0, 3.0)], [])._replace(order=12)
    assert rules.on_update(second) is None
    gap = rules.on_update(first)
    assert gap is not None
    assert gap.reason == "the update's order falls from 12 to 11"
    rules.on_snapshot(exchange.snapshot())
    assert rules.on_update(exchange.change([(99.0, 4.0)], [])) is None
    assert rules.on_update(exchange.change([(99.0, 5.0)], [])._replace(order=1)) is None

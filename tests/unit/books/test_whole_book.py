"""Books whose every message is whole: older ones are dropped, and a lost one harms no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.books.depth import Snapshot, Update
from feedd.books.whole import BEHIND_AT_MOST, RESTARTED, WholeBook


def book(last: int, bid: float = 1.0, ask: float = 2.0) -> Snapshot:
    return Snapshot(last, [(bid, 1.0)], [(ask, 1.0)], last)


def test_each_message_replaces_the_book() -> None:
    rules = WholeBook()
    assert rules.on_snapshot(Snapshot(1, [(1.0, 1.0), (0.5, 1.0)], [(2.0, 1.0)], 7)) is None
    assert rules.on_snapshot(book(3, bid=0.7)) is None  # the one between was lost
    assert rules.book.bids.top(5) == [(0.7, 1.0)]
    assert (rules.synced, rules.last_id, rules.timestamp) == (True, 3, 3)


def test_an_older_message_is_dropped_also_on_a_new_connection() -> None:
    rules = WholeBook()
    rules.on_snapshot(book(3, bid=0.7))
    assert rules.on_snapshot(book(2, bid=0.8)) is None
    assert rules.book.bids.best() == 0.7
    rules.reset()
    assert rules.on_snapshot(book(2, bid=0.8)) is None
    assert not rules.synced
    rules.on_snapshot(book(4, bid=0.9))
    assert (rules.synced, rules.book.bids.best()) == (True, 0.9)


def test_a_crossed_book_is_rejected_until_the_next() -> None:
    rules = WholeBook()
    rules.on_snapshot(book(1))
    assert rules.on_snapshot(book(2, bid=3.0)) == "the book is crossed"
    assert (rules.synced, rules.needs_snapshot) == (False, True)
    assert rules.on_snapshot(book(3)) is None
    assert (rules.synced, rules.needs_snapshot) == (True, False)


def test_ids_that_fall_for_good_are_accepted_and_reported() -> None:
    rules = WholeBook()
    rules.on_snapshot(book(1000))
    found = [rules.on_snapshot(book(i)) for i in range(1, BEHIND_AT_MOST + 2)]
    assert found == [None] * (BEHIND_AT_MOST - 1) + [RESTARTED, None]
    assert rules.last_id == BEHIND_AT_MOST + 1


def test_a_snapshot_with_as_many_levels_as_requested_is_not_complete() -> None:
    rules = WholeBook()
    rules.on_snapshot(Snapshot(1, [(1.0, 1.0), (0.5, 1.0)], [(2.0, 1.0)], 1, limit=2))
    assert not rules.book.bids.knows(3)
    assert rules.book.asks.knows(3)


def test_such_a_stream_has_no_updates() -> None:
    with pytest.raises(TypeError):
        WholeBook().on_update(Update(1, 2, 3, [], []))


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_a_book_of_a_faulty_stream_is_one_that_was_sent_and_never_an_older_one(
    order: list[int], lost: set[int], doubled: set[int]
) -> None:
    rules = WholeBook()
    shown: list[int] = []
    for i in order:
        if i in lost:
            continue
        for _ in range(2 if i in doubled else 1):
            if rules.on_snapshot(book(10 * i, bid=0.1 * i)) == RESTARTED:
                shown.clear()
            assert rules.synced
            assert rules.last_id is not None
            assert rules.book.bids.best() == 0.1 * (rules.last_id // 10) or rules.last_id == 0
            shown.append(rules.last_id)
    assert shown == sorted(shown)

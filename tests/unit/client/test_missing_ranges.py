"""Missing ranges of one topic."""

from __future__ import annotations

import pytest

from feedd.client.missing_ranges import MAX_REPAIRED, MissingRanges


def ranges(missing: MissingRanges) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in missing.ranges]


@pytest.mark.parametrize(
    ("seq", "left"),
    [
        (5, [(6, 9)]),
        (9, [(5, 8)]),
        (7, [(5, 6), (8, 9)]),
        (4, [(5, 9)]),
        (10, [(5, 9)]),
    ],
)
def test_a_message_fills_its_place_only(seq: int, left: list[tuple[int, int]]) -> None:
    missing = MissingRanges()
    missing.add(5, 9, 0.0, 0.0)
    assert missing.fill(seq) == (5 <= seq <= 9)
    assert ranges(missing) == left


def test_a_split_range_keeps_its_state() -> None:
    missing = MissingRanges()
    missing.add(5, 9, 1.0, 0.5)
    assert missing.next_request(2.0) is not None
    missing.fill(7)
    assert [(one.seen_s, one.requested_s) for one in missing.ranges] == [(1.0, 2.0)] * 2


def test_a_request_spans_adjacent_ranges_up_to_its_limit() -> None:
    missing = MissingRanges()
    missing.add(1, 10, 0.0, 0.0)
    missing.add(20, 30, 0.0, 0.0)
    missing.add(MAX_REPAIRED + 1, MAX_REPAIRED + 5, 0.0, 0.0)
    assert missing.next_request(0.0) == (1, 30, 0)


def test_a_range_that_every_history_refuses_is_given_up_with_the_reason() -> None:
    missing = MissingRanges()
    missing.add(1, 10, 0.0, 0.0)
    for history in (0, 1):
        assert missing.take_given_up() is None
        missing.refuse(1, 5, history, 0b11, "not kept")
    lost = missing.take_given_up()
    assert lost is not None
    assert (lost.first, lost.last, lost.given_up) == (1, 5, "not kept")
    assert ranges(missing) == [(6, 10)]


def test_only_the_last_message_of_a_too_long_tail_is_requested() -> None:
    missing = MissingRanges()
    missing.add_tail(1, MAX_REPAIRED + 1, 0.0, 0.0, as_snapshot=False)
    assert missing.next_request(0.0) == (MAX_REPAIRED + 1, MAX_REPAIRED + 1, 0)
    assert missing.ranges[-1].as_snapshot

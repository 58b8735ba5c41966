"""Integers as text."""

from __future__ import annotations

from feedd.gateway.wide_integers import integers_as_text


def test_integers_that_may_exceed_2_to_the_53_are_text_at_any_depth() -> None:
    given = {
        "session": 1, "seq": 2, "id": 3, "received_ns": 4, "from_id": "a", "to_id": None,
        "next_seq": {"trade.": 5}, "ticks": [{"published_ns": 6, "price": 7.5, "timestamp": 8}],
        "gap": {"from_id": 9},
    }  # fmt: skip
    assert integers_as_text(given) == {
        "session": "1", "seq": 2, "id": "3", "received_ns": "4", "from_id": "a", "to_id": None,
        "next_seq": {"trade.": "5"},
        "ticks": [{"published_ns": "6", "price": 7.5, "timestamp": 8}], "gap": {"from_id": "9"},
    }  # fmt: skip

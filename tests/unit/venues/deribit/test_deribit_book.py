"""Deribit's book: the parser on raw messages, and the rules on a stream and on a real recording."""

from __future__ import annotations

from typing import Any

import pytest
from faulty_stream import Sides, Step, play, steps
from hypothesis import given
from venue_recordings import received

from feedd.books.depth import BookGap, Snapshot, Update
from feedd.books.streamed import StreamedBook
from feedd.venues.deribit.book import to_depth
from feedd.venues.deribit.control import channel_of

NAME = "BTC-31DEC21-34000-P"


def message(**data: Any) -> dict[str, Any]:
    data = {"timestamp": 1626993721943, "instrument_name": NAME, **data}
    params = {"channel": f"book.{NAME}.100ms", "data": data}
    return {"jsonrpc": "2.0", "method": "subscription", "params": params}


SNAPSHOT = message(
    type="snapshot", change_id=33195894133, bids=[["new", 0.2325, 0.8], ["new", 0.232, 5.3]],
    asks=[["new", 0.236, 4.8], ["new", 0.2365, 3.6]],
)  # fmt: skip
CHANGE = message(
    type="change", prev_change_id=33195894133, change_id=33195894765,
    bids=[["change", 0.232, 4.6], ["change", 0.2325, 1.5]], asks=[["delete", 0.236, 0.0]],
)  # fmt: skip
# After it an update is missing.
AFTER_A_GAP = message(
    type="change", prev_change_id=33195896354, change_id=33195896887, bids=[],
    asks=[["delete", 0.2365, 0.0], ["change", 0.236, 8.4]],
)  # fmt: skip
NEWER = message(
    type="snapshot", change_id=33195904133, bids=[["new", 0.232, 5.3]],
    asks=[["new", 0.2365, 3.6]],
)  # fmt: skip


def take(rules: StreamedBook, raw: dict[str, Any]) -> BookGap | str | None:
    depth = to_depth(raw)
    return rules.on_snapshot(depth) if isinstance(depth, Snapshot) else rules.on_update(depth)


def test_a_raw_snapshot_is_the_whole_book() -> None:
    assert to_depth(SNAPSHOT) == Snapshot(
        33195894133, [(0.2325, 0.8), (0.232, 5.3)], [(0.236, 4.8), (0.2365, 3.6)], 1626993721943
    )


def test_a_raw_change_names_the_one_before_and_deletes_levels() -> None:
    assert to_depth(CHANGE) == Update(
        33195894133, 33195894765, 1626993721943, [(0.232, 4.6), (0.2325, 1.5)], [(0.236, 0.0)]
    )


def test_a_change_that_is_altered_to_a_snapshot_is_rejected() -> None:
    data = {**CHANGE["params"]["data"], "type": "snapshot"}
    with pytest.raises(ValueError, match="names the message before"):
        to_depth(message(**data))


def test_a_missing_change_is_a_gap_and_needs_a_snapshot() -> None:
    rules = StreamedBook()
    assert (take(rules, SNAPSHOT), take(rules, CHANGE)) == (None, None)
    gap = take(rules, AFTER_A_GAP)
    assert isinstance(gap, BookGap)
    assert (gap.from_id, gap.to_id) == (33195894765, 33195896887)
    assert (rules.synced, rules.needs_snapshot) == (False, True)
    assert take(rules, AFTER_A_GAP) is None  # one gap, whatever follows


def test_the_snapshot_of_a_new_connection_replaces_the_book() -> None:
    rules = StreamedBook()
    for raw in (SNAPSHOT, CHANGE):
        take(rules, raw)
    rules.reset()
    assert take(rules, NEWER) is None
    assert rules.book.bids.top(5) == [(0.232, 5.3)]
    assert rules.book.asks.top(5) == [(0.2365, 3.6)]


@pytest.mark.parametrize(
    "changed",
    [{"bids": [["update", 0.2325, 1]]}, {"bids": [["delete", 0.2325, 1]]},
     {"asks": [["new", 0.0, 1]]}, {"asks": [["new", 0.5, -1]]}, {"type": "delta"},
     {"prev_change_id": None}, {"change_id": 1.5}, {"bids": [[0.2325, 1]]}],
)  # fmt: skip
def test_what_is_no_change_of_a_book_is_rejected(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        to_depth(message(**{**CHANGE["params"]["data"], **changed}))


class DeribitCodec:
    """Snapshots and changes whose ids skip numbers."""

    def snapshot(self, last: int, book: Sides) -> list[Any]:
        bids, asks = ([["new", *level] for level in side.items()] for side in book)
        return [message(type="snapshot", change_id=10 * last, bids=bids, asks=asks)]

    def update(self, before: int, last: int, changed: Sides, _book: Sides) -> list[Any]:
        bids, asks = (
            [["change" if size else "delete", price, size] for price, size in side.items()]
            for side in changed
        )
        return [
            message(
                type="change", prev_change_id=10 * before, change_id=10 * last, bids=bids, asks=asks
            )
        ]

    def altered(self, messages: list[Any]) -> list[Any]:
        return messages


@given(steps(faults=("lose", "double", "swap", "reset")))
def test_a_synced_book_is_the_true_one_whatever_the_stream_loses(chosen: list[Step]) -> None:
    assert play(chosen, DeribitCodec(), StreamedBook(), to_depth, lambda last: 10 * last) > 0


def test_every_recorded_book_follows_the_one_before() -> None:
    books: dict[str, StreamedBook] = {}
    taken = 0
    for _, raw in received("venues/deribit.jsonl.zst"):
        if channel_of(raw) == "book":
            rules = books.setdefault(raw["params"]["data"]["instrument_name"], StreamedBook())
            assert take(rules, raw) is None
            assert rules.synced
            taken += 1
    assert (len(books), taken) == (10, 46)

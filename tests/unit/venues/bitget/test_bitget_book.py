"""Bitget's book: the parser on raw messages, and the rules on streams with faults and recorded."""

from __future__ import annotations

from typing import Any

import pytest
from faulty_stream import Sides, Step, play, steps
from hypothesis import given
from venue_recordings import received

from feedd.books.checksum import MISMATCH, ChecksumBook
from feedd.books.depth import BookGap, Proof, Snapshot, Update
from feedd.venues.bitget.book import CHECKED, checksum, rules, to_depth
from feedd.venues.bitget.control import channel_of

ARG = {"instType": "SPOT", "channel": "books", "instId": "BTCUSDT"}
Row = list[str]


def message(action: str, bids: list[Row], asks: list[Row], **data: Any) -> dict[str, Any]:
    data = {"asks": asks, "bids": bids, "ts": "1695710946294", **data}
    return {"action": action, "arg": ARG, "data": [data], "ts": 1695710946295}


SNAPSHOT = message(
    "snapshot", [["26274.8", "0.0009"], ["26274.7", "0.0020"]],
    [["26274.9", "0.0009"], ["26275.0", "0.0500"]], checksum=0, seq=123,
)  # fmt: skip
TRUE_SUM = checksum([["26274.8", "0.0009"], ["26274.7", "0.0020"]], [["26275.0", "0.0500"]])
UPDATE = message("update", [], [["26274.9", "0"]], checksum=TRUE_SUM, seq=125)


def take(book: ChecksumBook, raw: dict[str, Any]) -> BookGap | str | None:
    depth = to_depth(raw)
    return book.on_snapshot(depth) if isinstance(depth, Snapshot) else book.on_update(depth)


def test_the_checksum_joins_both_sides_as_sent_and_the_longer_one_alone() -> None:
    assert checksum([["1.0", "2"]], [["3", "4"], ["5", "6.00"]]) == checksum(
        [["1.0", "2"], ["3", "4"], ["5", "6.00"]], []
    )
    assert checksum([["43.1", "0.01"]], []) != checksum([["43.10", "0.01"]], [])


def test_a_raw_snapshot_without_a_checksum_waits_for_one() -> None:
    assert to_depth(SNAPSHOT) == Snapshot(
        123, [(26274.8, 0.0009), (26274.7, 0.002)], [(26274.9, 0.0009), (26275.0, 0.05)],
        1695710946294,
        proof=Proof(None, SNAPSHOT["data"][0]["bids"], SNAPSHOT["data"][0]["asks"]),
    )  # fmt: skip
    book = rules(20)
    assert take(book, SNAPSHOT) is None
    assert not book.synced
    assert take(book, UPDATE) is None
    assert (book.synced, book.last_id, book.timestamp) == (True, 125, 1695710946294)
    assert book.book.asks.top(5) == [(26275.0, 0.05)]


def test_a_raw_update_has_the_number_before_where_it_is_sent() -> None:
    rows = [["26274.9", "0"]]
    assert to_depth(UPDATE) == Update(
        0, 125, 1695710946294, [], [(26274.9, 0.0)], proof=Proof(TRUE_SUM, [], rows)
    )
    numbered = to_depth(message("update", [], rows, checksum=0, seq="125", pseq="123"))
    assert (numbered.before, numbered.last) == (123, 125)  # type: ignore[union-attr]


def test_a_wrong_checksum_is_one_gap_and_needs_a_snapshot() -> None:
    book = rules(20)
    take(book, SNAPSHOT)
    take(book, UPDATE)
    wrong = message("update", [["26274.8", "1"]], [], checksum=7, seq=126)
    gap = take(book, wrong)
    assert gap == BookGap(125, 126, MISMATCH)
    assert take(book, wrong) is None  # one gap, whatever follows
    assert (book.synced, book.needs_snapshot) == (False, True)


def test_two_swapped_updates_of_one_level_without_numbers_show_by_their_times() -> None:
    bids, asks = [["100.0", "1"]], [["101.0", "1"]]
    book = rules(20)
    take(book, message("snapshot", bids, asks, checksum=checksum(bids, asks), ts="10"))
    first, second = (
        message("update", [["100.0", size]], [], ts=sent,
                checksum=checksum([["100.0", size]], asks))
        for size, sent in (("2", "20"), ("3", "30"))
    )  # fmt: skip
    assert take(book, second) is None
    assert take(book, second) is None  # doubled
    assert take(book, first) == BookGap(None, None, "the update's order falls from 30 to 20")
    assert not book.synced


def test_the_snapshot_of_a_new_connection_replaces_the_book() -> None:
    book = rules(20)
    take(book, SNAPSHOT)
    take(book, UPDATE)
    book.reset()
    levels: tuple[list[Row], list[Row]] = [["20000.0", "1.5"]], [["20001.0", "2"]]
    assert take(book, message("snapshot", *levels, checksum=checksum(*levels), seq=9)) is None
    assert (book.book.bids.top(5), book.book.asks.top(5)) == ([(20000.0, 1.5)], [(20001.0, 2.0)])


@pytest.mark.parametrize(
    "raw",
    [message("delta", [], [], checksum=1, seq=1), message("update", [], [], checksum=0, seq=1),
     message("update", [], [], seq=1), message("update", [["1", "-2"]], [], checksum=1, seq=1),
     message("update", [], [], checksum="x", seq=1), {"action": "update", "arg": ARG, "data": []},
     {"action": "update", "arg": ARG, "data": True}],
)  # fmt: skip
def test_what_is_no_change_of_a_book_is_rejected(raw: Any) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        to_depth(raw)


class BitgetCodec:
    """Snapshots and updates with the checksum of the 25 best levels, or numbers instead."""

    def __init__(self, *, numbered: bool = False) -> None:
        self._numbered = numbered

    def snapshot(self, last: int, book: Sides) -> list[Any]:
        bids, asks = self._rows(book)
        return [message("snapshot", bids, asks, checksum=self._sum(book), seq=10 * last)]

    def update(self, before: int, last: int, changed: Sides, book: Sides) -> list[Any]:
        bids, asks = self._rows(changed)
        proof = {"checksum": self._sum(book)}
        if self._numbered:
            proof = {"checksum": 0, "pseq": 10 * before}
        return [message("update", bids, asks, **proof, seq=10 * last)]

    def altered(self, messages: list[Any]) -> list[Any]:
        """Return them with a level more."""
        (one,) = messages
        (data,) = one["data"]
        return [{**one, "data": [{**data, "bids": [*data["bids"], ["99", "77"]]}]}]

    def _sum(self, book: Sides) -> int:
        bids, asks = self._rows(book)
        return checksum(bids[:CHECKED], asks[:CHECKED])

    def _rows(self, book: Sides) -> tuple[list[Row], list[Row]]:
        bids, asks = book
        return (
            [[f"{price:.1f}", f"{size:.2f}"] for price, size in sorted(bids.items(), reverse=True)],
            [[f"{price:.1f}", f"{size:.2f}"] for price, size in sorted(asks.items())],
        )


@given(steps(faults=("lose", "double", "swap", "alter", "reset")))
def test_a_synced_book_is_the_true_one_whatever_happens_to_the_stream(chosen: list[Step]) -> None:
    assert play(chosen, BitgetCodec(), rules(20), to_depth, lambda last: 10 * last) > 0


@given(steps(faults=("lose", "double", "swap", "reset")))
def test_numbers_alone_show_what_the_stream_loses(chosen: list[Step]) -> None:
    codec = BitgetCodec(numbered=True)
    play(chosen, codec, rules(20), to_depth, lambda last: 10 * last)


def recorded() -> list[dict[str, Any]]:
    return [raw for _, raw in received("venues/bitget.jsonl.zst") if channel_of(raw) == "book"]


def test_every_recorded_book_has_its_checksum() -> None:
    books: dict[str, ChecksumBook] = {}
    for raw in recorded():
        book = books.setdefault(raw["arg"]["instId"], rules(20))
        assert take(book, raw) is None
        assert book.synced
    assert len(books) == 10


def test_a_lost_recorded_update_is_one_gap() -> None:
    book, gaps = rules(20), []
    updates = [raw for raw in recorded() if raw["arg"]["instId"] == "UNIUSDT"]
    for number, raw in enumerate(updates):
        if number != 58:
            gaps.append(take(book, raw))
    assert len(updates) == 96
    assert [gap for gap in gaps if gap is not None] == [BookGap(None, None, MISMATCH)]
    assert not book.synced

"""Bitfinex's book: the parser on raw texts, and the rules on streams with faults and recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from faulty_stream import Sides, Step, play, steps
from hypothesis import given
from venue_recordings import received

from feedd.books.checksum import MISMATCH, ChecksumBook
from feedd.books.depth import BookGap, Proof, Snapshot, Update
from feedd.venues.bitfinex.book import CHECKED, checksum, rules, to_depth
from feedd.venues.bitfinex.control import Router

CHANNEL = 225206


def text(*content: Any) -> str:
    return json.dumps([CHANNEL, *content])


def take(book: ChecksumBook, raw: str) -> BookGap | str | None:
    depth = to_depth(raw)
    if depth is None:
        return None
    return book.on_snapshot(depth) if isinstance(depth, Snapshot) else book.on_update(depth)


def test_a_raw_snapshot_has_both_sides_by_the_sign_of_the_amount() -> None:
    raw = "[225206,[[277520,1,0.00383141],[277510,2,1e-7],[283460,1,-0.0042]],17]"
    assert to_depth(raw) == Snapshot(
        0, [(277520.0, 0.00383141), (277510.0, 1e-7)], [(283460.0, 0.0042)],
        proof=Proof(None, ["277520:0.00383141", "277510:1e-7"], ["283460:-0.0042"]),
    )  # fmt: skip


def test_a_raw_change_without_orders_removes_a_level_of_its_side() -> None:
    assert to_depth("[225206,[279380,0,1],21]") == Update(
        0, 0, 0, [(279380.0, 0.0)], [], proof=Proof(None, ["279380:1"], [])
    )
    assert to_depth("[225206,[279380,0,-1],21]") == Update(
        0, 0, 0, [], [(279380.0, 0.0)], proof=Proof(None, [], ["279380:-1"])
    )


def test_a_checksum_has_no_levels_and_a_heartbeat_nothing() -> None:
    assert to_depth('[225206,"cs",-1367582038,22]') == Update(
        0, 0, 0, [], [], proof=Proof(-1367582038, [], [])
    )
    assert to_depth('[225206,"hb",23]') is None


def test_an_empty_book_is_a_snapshot() -> None:
    assert to_depth("[225206,[],17]") == Snapshot(0, [], [], proof=Proof(None, [], []))


def test_a_change_counts_when_its_checksum_arrives() -> None:
    book = rules(20)
    take(book, "[1,[[100,1,2.50],[101,1,-3]],1]")
    assert not book.synced
    take(book, f'[1,"cs",{checksum(["100:2.50"], ["101:-3"])},2]')
    assert book.synced
    take(book, "[1,[100,1,4],3]")
    assert book.book.bids.top(5) == [(100.0, 2.5)]
    take(book, f'[1,"cs",{checksum(["100:4"], ["101:-3"])},4]')
    assert (book.synced, book.book.bids.top(5)) == (True, [(100.0, 4.0)])


def test_a_wrong_checksum_is_one_gap_and_needs_a_snapshot() -> None:
    book = rules(20)
    take(book, "[1,[[100,1,2.5]],1]")
    assert take(book, '[1,"cs",7,2]') == BookGap(None, None, MISMATCH)
    assert take(book, '[1,"cs",7,3]') is None
    assert book.needs_snapshot


def test_the_snapshot_of_a_new_connection_replaces_the_book() -> None:
    book = rules(20)
    take(book, "[1,[[100,1,2.5],[102,1,-1]],1]")
    book.reset()
    take(book, "[1,[[90,1,1],[91,1,-1]],1]")
    take(book, f'[1,"cs",{checksum(["90:1"], ["91:-1"])},2]')
    assert (book.book.bids.top(5), book.book.asks.top(5)) == ([(90.0, 1.0)], [(91.0, 1.0)])


@pytest.mark.parametrize(
    "raw",
    ['[1,"cs",1.5]', '[1,"cs"]', "[1,[0,1,2]]", "[1,[100,1]]", '[1,[100,1,"x"]]', "[1]", "[1,7]",
     "[1,[100,1,null]]", "{}", "[1,[100,1,NaN]]"],
)  # fmt: skip
def test_what_is_no_book_is_rejected(raw: str) -> None:
    with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
        to_depth(raw)


class BitfinexCodec:
    """One message for each changed level, and one with the checksum."""

    def snapshot(self, _last: int, book: Sides) -> list[Any]:
        rows = [self._level(side, *level) for side in (0, 1) for level in book[side].items()]
        return [text(rows), self._checksum(book)]

    def update(self, _before: int, _last: int, changed: Sides, book: Sides) -> list[Any]:
        rows = [self._level(side, *level) for side in (0, 1) for level in changed[side].items()]
        return [*(text(row) for row in rows), self._checksum(book)]

    def altered(self, messages: list[Any]) -> list[Any]:
        """Return them without the first level's."""
        return messages[1:]

    def _level(self, side: int, price: float, size: float) -> list[float]:
        sign = -1 if side else 1
        return [price, 1, sign * size] if size else [price, 0, sign]

    def _checksum(self, book: Sides) -> str:
        bids, asks = sorted(book[0].items(), reverse=True), sorted(book[1].items())
        sums = checksum(
            [f"{price}:{size}" for price, size in bids[:CHECKED]],
            [f"{price}:{-size}" for price, size in asks[:CHECKED]],
        )
        return text("cs", sums)


# Two messages that are swapped show by the numbers of the connection, which the rules do not know.
@given(steps(faults=("lose", "double", "alter", "reset")))
def test_a_synced_book_is_the_true_one_whatever_happens_to_the_stream(chosen: list[Step]) -> None:
    play(chosen, BitfinexCodec(), rules(20), to_depth, id_of=None)


def test_every_recorded_change_is_read() -> None:
    router, books, messages = Router(), {}, 0
    for _, raw in received("venues/bitfinex.jsonl.zst"):
        if router(raw) != "book":
            continue
        depth = to_depth(json.dumps(raw))
        if depth is None:
            continue
        messages += 1
        book = books.setdefault(raw[0], rules(100))
        if isinstance(depth, Snapshot):
            book.on_snapshot(depth)
            continue
        assert book.on_update(depth) is None
    assert (len(books), messages) == (7, 1600)

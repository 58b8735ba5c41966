"""Crypto.com's book: the parser on raw messages, and the rules on streams with faults."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from faulty_stream import Sides, Step, play, steps
from hypothesis import given
from venue_recordings import received

from feedd.books.depth import BookGap, Snapshot, Update
from feedd.books.streamed import StreamedBook
from feedd.venues.cryptocom.book import to_depth
from feedd.venues.cryptocom.venue import VENUES

SPOT = VENUES["spot"]


def message(channel: str, **data: Any) -> dict[str, Any]:
    data = {"t": 1637709518455, "tt": 1637709518455, **data}
    result = {
        "instrument_name": "MATIC_USDT", "subscription": "book.MATIC_USDT.50",
        "channel": channel, "depth": 50, "data": [data],
    }  # fmt: skip
    return {"id": -1, "code": 0, "method": "subscribe", "result": result}


def update(before: int, last: int, bids: list[Any], asks: list[Any]) -> dict[str, Any]:
    return message("book.update", update={"bids": bids, "asks": asks}, pu=before, u=last)


SNAPSHOT = message(
    "book", u=1000, bids=[["1.7535", "2219.9", "1"], ["1.75325", "1.49", "1"]],
    asks=[["1.75454", "2225.3", "1"]],
)  # fmt: skip
UPDATE = update(1000, 1001, [["1.7535", "0", "0"]], [["1.754", "5", "2"]])


def take(rules: StreamedBook, raw: dict[str, Any]) -> BookGap | str | None:
    depth = to_depth(raw)
    return rules.on_snapshot(depth) if isinstance(depth, Snapshot) else rules.on_update(depth)


def test_a_raw_snapshot_is_the_whole_book() -> None:
    assert to_depth(SNAPSHOT) == Snapshot(
        1000, [(1.7535, 2219.9), (1.75325, 1.49)], [(1.75454, 2225.3)], 1637709518455
    )


def test_a_raw_update_names_the_one_before() -> None:
    assert to_depth(UPDATE) == Update(1000, 1001, 1637709518455, [(1.7535, 0.0)], [(1.754, 5.0)])


def test_an_update_without_levels_is_a_heartbeat_that_the_next_one_follows() -> None:
    rules = StreamedBook()
    for raw in (SNAPSHOT, UPDATE, update(1001, 1001, [], []), update(1001, 1002, [], [])):
        assert take(rules, raw) is None
    assert take(rules, update(1002, 1003, [], [["1.754", "0", "0"]])) is None
    assert rules.book.asks.top(5) == [(1.75454, 2225.3)]


def test_a_missing_update_is_one_gap_and_needs_a_snapshot() -> None:
    rules = StreamedBook()
    take(rules, SNAPSHOT)
    gap = take(rules, update(1002, 1003, [], []))
    assert isinstance(gap, BookGap)
    assert (gap.from_id, gap.to_id) == (1000, 1003)
    assert take(rules, update(1003, 1004, [], [])) is None
    assert (rules.synced, rules.needs_snapshot) == (False, True)
    assert take(rules, SNAPSHOT) is None
    assert rules.synced


def test_a_level_behind_the_subscribed_ones_is_dropped() -> None:
    assert SPOT.book is not None
    rules = SPOT.book.rules(10)
    levels = [[str(100 - at), "1", "1"] for at in range(10)]
    rules.on_snapshot(to_depth(message("book", u=1, bids=levels, asks=[])))  # type: ignore[arg-type]
    rules.on_update(to_depth(update(1, 2, [["100.5", "1", "1"]], [])))  # type: ignore[arg-type]
    rules.on_update(to_depth(update(2, 3, [["100.5", "0", "0"]], [])))  # type: ignore[arg-type]
    assert rules.book.bids.top(20) == [(100.0 - at, 1.0) for at in range(9)]


@pytest.mark.parametrize("depth", [1, 10, 11, 50])
def test_the_rules_cover_the_levels_that_are_subscribed_to(depth: int) -> None:
    assert SPOT.book is not None
    rules, limit = SPOT.book.rules(depth), SPOT.book.limit(depth) or 0
    levels = [[str(200 - at), "1", "1"] for at in range(60)]
    rules.on_snapshot(to_depth(message("book", u=1, bids=levels, asks=[])))  # type: ignore[arg-type]
    assert len(rules.book.bids.top(100)) == limit


@pytest.mark.parametrize(
    "raw",
    [message("book", u=1, bids=[["0", "1", "1"]], asks=[]), message("book", bids=[], asks=[]),
     update(1, 2, [["1", "-1", "1"]], []), message("book.update", pu=1, u=2),
     {"result": {"channel": "book", "data": []}}],
)  # fmt: skip
def test_what_is_no_book_is_rejected(raw: Any) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        to_depth(raw)


class CryptocomCodec:
    """A snapshot and updates of the best 10 levels: no change behind them is sent."""

    covered = 10

    def snapshot(self, last: int, book: Sides) -> list[Any]:
        bids, asks = self._best(book)
        rows = ([[str(price), str(size), "1"] for price, size in side] for side in (bids, asks))
        return [message("book", u=last, **dict(zip(("bids", "asks"), rows, strict=True)))]

    def update(self, before: int, last: int, changed: Sides, book: Sides) -> list[Any]:
        """Return the levels that are among the best now and were not, and those that changed."""
        self._book = getattr(self, "_book", None) or ({}, {})
        rows = []
        for best, side, was in zip(self._best(book), changed, self._book, strict=True):
            now = dict(best)
            sent = {price: size for price, size in now.items() if was.get(price) != size}
            sent |= {price: 0.0 for price, size in side.items() if not size}
            rows.append([[str(price), str(size), "1"] for price, size in sent.items()])
        self._book = tuple(dict(best) for best in self._best(book))  # type: ignore[assignment]
        return [update(before, last, *rows)]

    def altered(self, messages: list[Any]) -> list[Any]:
        return messages

    def _best(self, book: Sides) -> tuple[list[Any], list[Any]]:
        bids, asks = book
        count = self.covered
        return sorted(bids.items(), reverse=True)[:count], sorted(asks.items())[:count]


@given(steps(faults=("lose", "double", "swap", "reset")))
def test_a_synced_book_is_the_true_one_whatever_the_stream_loses(chosen: list[Step]) -> None:
    assert play(chosen, CryptocomCodec(), StreamedBook(10), to_depth, levels=10) > 0


def test_recorded_books_result_from_the_updates_between_them() -> None:
    rules, books = StreamedBook(), []
    for _, raw in received("venues/crypto.com.jsonl.zst"):
        result = raw.get("result") or {}
        if result.get("subscription") == "book.MATIC_USDT.150":
            (data,) = result["data"]
            books.append([{str(row[0]): str(row[1]) for row in data[side]}
                          for side in ("bids", "asks")])  # fmt: skip
    first = [[[price, size, "1"] for price, size in side.items()] for side in books[0]]
    take(rules, message("book", u=0, bids=first[0], asks=first[1]))
    for number, (was, now) in enumerate(pairwise(books)):
        changed = [
            [[price, size, "1"] for price, size in side.items() if old.get(price) != size]
            + [[price, "0", "0"] for price in old if price not in side]
            for old, side in zip(was, now, strict=True)
        ]
        assert take(rules, update(number, number + 1, *changed)) is None
        true = sorted((-float(price), float(size)) for price, size in now[0].items())
        assert rules.book.bids.top(1000) == [(-price, size) for price, size in true]
    assert len(books) == 219

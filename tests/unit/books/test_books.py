"""The rules of books: on recordings, and on streams that lose, double and shuffle messages."""

import gzip
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import raw_recordings
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_recordings import answers_beside, one_symbol

from feedd.books.depth import TWO_WITH_ONE_ID, BookGap, Snapshot, Update
from feedd.books.diff import BEHIND_AT_MOST, DiffBook
from feedd.books.levels import PriceLevels, levels
from feedd.books.streamed import StreamedBook
from feedd.venues.binance.book import to_snapshot, to_update
from feedd.venues.bybit.book import to_depth

Sides = tuple[dict[float, float], dict[float, float]]  # bids, asks: sizes by price


def top(book: PriceLevels) -> tuple[float, float, float, float]:
    return (*book.bids.top(1)[0], *book.asks.top(1)[0])


class BinanceBook(DiffBook):
    """DiffBook on Binance's raw messages, as the sources join them."""

    def update(self, message: dict[str, Any]) -> BookGap | None:
        return self.on_update(to_update(message))

    def answer(self, answer: Any) -> str | None:
        try:
            return self.on_snapshot(to_snapshot(answer))
        except ValueError as error:
            return str(error)


class BybitBook(StreamedBook):
    """StreamedBook on Bybit's raw messages, as the source joins them."""

    def take(self, message: dict[str, Any]) -> BookGap | str | None:
        depth = to_depth(message)
        return self.on_snapshot(depth) if isinstance(depth, Snapshot) else self.on_update(depth)


def quote_of(event: dict[str, Any]) -> tuple[float, ...]:
    return tuple(float(event[key]) for key in "bBaA")


def test_the_recorded_books_of_btcusdt_are_its_quotes(btcusdt: Path) -> None:
    """Wherever a quote bears the id of a depth update, best bid, ask and sizes are the same.

    Each recording has one snapshot. In the real one the market falls past its lowest bid, and from
    there on the book needs a new one.
    """
    quotes: dict[int, tuple[float, ...]] = {}
    tops: dict[int, tuple[float, ...]] = {}
    rules = BinanceBook(20)
    needed_at = None
    with gzip.open(btcusdt, "rt") as file:
        for row in file:
            frame = json.loads(row.partition(" ")[2])
            if "lastUpdateId" in frame:
                assert rules.answer(frame) is None
                continue
            event = frame["data"]
            if event["e"] == "bookTicker":
                quotes[event["u"]] = quote_of(event)
            elif event["e"] == "depthUpdate":
                assert rules.update(event) is None
                if rules.synced:
                    assert not rules.book.crossed
                    assert rules.last_id == event["u"]
                    tops[event["u"]] = top(rules.book)
                    if rules.needs_snapshot and needed_at is None:
                        needed_at = len(tops)
    pairs = tops.keys() & quotes.keys()
    held = one_symbol(btcusdt)
    assert (len(tops), len(pairs)) == (held.checked_books, held.quoted_books)
    assert [u for u in pairs if tops[u] != quotes[u]] == []
    assert (needed_at is not None) == held.snapshot_runs_out
    # A new snapshot is requested before the levels run out.
    assert needed_at is None or needed_at < len(tops)


def test_the_recorded_snapshots_of_four_symbols_join_their_streams(four_symbols: Path) -> None:
    answers = {}
    for row in answers_beside(four_symbols).read_text().splitlines():
        match = re.match(r".*symbol=(\w+)&.* -> ([\d.]+): (\{.*\})", row)
        if match:
            answers[match[1]] = (float(match[2]), json.loads(match[3]))
    books = {symbol: BinanceBook(20) for symbol in answers}
    quotes: dict[tuple[str, int], tuple[float, ...]] = {}
    tops: dict[tuple[str, int], tuple[float, ...]] = {}
    for row in four_symbols.read_text().splitlines():
        match = re.match(r"([\d.]+): (\{.*\})", row)
        if match is None:
            continue
        for symbol, (at_s, answer) in list(answers.items()):
            if at_s <= float(match[1]):
                assert books[symbol].answer(answer) is None
                del answers[symbol]
        event = json.loads(match[2])["data"]
        symbol = event["s"]
        if event["e"] == "bookTicker":
            quotes[symbol, event["u"]] = quote_of(event)
        elif event["e"] == "depthUpdate":
            assert books[symbol].update(event) is None  # no gap in the recording itself
            if books[symbol].synced:
                tops[symbol, event["u"]] = top(books[symbol].book)
    held = raw_recordings.four_symbols(four_symbols)
    assert books.keys() == held.answers.keys()
    assert all(rules.synced for rules in books.values())
    pairs = tops.keys() & quotes.keys()
    assert (len(tops), len(pairs)) == (held.checked_books, held.quoted_books)
    assert [key for key in pairs if tops[key] != quotes[key]] == []


# --- a stream that knows the truth of every id -------------------------------------------------


class Truth:
    """A history of books, and the messages that lead from each to the next."""

    def __init__(self, changes: list[tuple[bool, int, int]], *, spot: bool = False) -> None:
        bids = {float(price): 1.0 for price in range(70, 100)}
        asks = {float(price): 1.0 for price in range(101, 131)}
        self.books: dict[int, Sides] = {10: (dict(bids), dict(asks))}
        self.events: list[dict[str, Any]] = []
        last = 10
        for is_bid, distance, size in changes:
            side, price = (bids, 99.0 - distance) if is_bid else (asks, 101.0 + distance)
            side[price] = float(size)
            if not size:
                del side[price]
            following = last + 3
            event: dict[str, Any] = {
                "E": following, "U": last + 1 if spot else last + 2, "u": following,
                "b": [[str(price), str(size)]] if is_bid else [],
                "a": [] if is_bid else [[str(price), str(size)]],
            }  # fmt: skip
            if not spot:
                event["pu"] = last
            self.events.append(event)
            self.books[following] = (dict(bids), dict(asks))
            last = following

    def snapshot(self, update_id: int) -> dict[str, Any]:
        bids, asks = self.books[update_id]
        return {
            "lastUpdateId": update_id,
            "bids": [[str(p), str(bids[p])] for p in sorted(bids, reverse=True)],
            "asks": [[str(p), str(asks[p])] for p in sorted(asks)],
        }

    def agrees(self, book: PriceLevels, update_id: int | None) -> bool:
        assert update_id is not None
        bids, asks = self.books[update_id]
        return dict(book.bids.top(1000)) == bids and dict(book.asks.top(1000)) == asks


CHANGES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 25), st.integers(0, 9)), min_size=2, max_size=60
)
FAULT = st.sampled_from(
    [
        "send",
        "send",
        "send",
        "send",
        "lose",
        "double",
        "late",
        "stale",
        "cut",
        "crossed",
        "snapshot",
    ]
)


@settings(max_examples=300, deadline=None)
@given(CHANGES, st.lists(FAULT, min_size=60, max_size=60), st.booleans())
def test_whatever_the_stream_does_no_wrong_book_is_vouched_for(  # noqa: C901, PLR0912  a fault each
    changes: list[tuple[bool, int, int]], faults: list[str], spot: bool
) -> None:
    """Each lost update is in a reported gap, and one good snapshot restores the book."""
    truth = Truth(_possible(changes), spot=spot)
    rules = BinanceBook(5)
    held: list[dict[str, Any]] = []
    holes: list[BookGap] = []
    sent: list[int] = []
    newest = 10

    def send(event: dict[str, Any]) -> None:
        hole = rules.update(event)
        if hole is not None:
            holes.append(hole)
        sent.append(event["u"])
        if rules.synced:
            assert truth.agrees(rules.book, rules.last_id)
            assert not rules.book.crossed

    for event, fault in zip(truth.events, faults, strict=False):
        newest = event["u"]
        if fault == "lose":
            continue
        if fault == "late":
            held.append(event)
            continue
        send(event)
        if fault == "double":
            send(event)
        elif fault == "stale":
            rules.answer(truth.snapshot(10))
        elif fault == "cut":
            assert rules.answer({**truth.snapshot(newest), "asks": None}) is not None
        elif fault == "crossed":
            assert rules.answer({**truth.snapshot(newest), "bids": [["1000", "1"]]}) is not None
        elif fault == "snapshot" and rules.needs_snapshot:
            assert rules.answer(truth.snapshot(newest)) is None
            assert rules.synced
        if rules.synced:
            assert truth.agrees(rules.book, rules.last_id)
        while held:
            send(held.pop())
    arrived = sorted(u for u in set(sent) if u >= sent[0])
    for one, following in pairwise(arrived):
        if following != one + 3:
            assert any(hole.from_id == one and hole.to_id == following for hole in holes) or any(
                hole.from_id is not None and hole.from_id <= one and following <= (hole.to_id or 0)
                for hole in holes
            ), f"{one} to {following} is in no hole"
    if sent:
        newest_sent = max(sent)
        if rules.needs_snapshot:
            assert rules.answer(truth.snapshot(newest_sent)) is None
        if rules._snapshot is None:
            assert rules.synced
            assert truth.agrees(rules.book, rules.last_id)


def _possible(changes: list[tuple[bool, int, int]]) -> list[tuple[bool, int, int]]:
    """Leave out what would remove a level that isn't there, or the best ones."""
    present = {(side, distance) for side in (True, False) for distance in range(30)}
    kept = []
    for is_bid, distance, size in changes:
        if not size and ((is_bid, distance) not in present or distance < 10):
            continue
        (present.add if size else present.discard)((is_bid, distance))
        kept.append((is_bid, distance, size))
    return kept


@settings(max_examples=200, deadline=None)
@given(CHANGES, st.lists(FAULT, min_size=60, max_size=60))
def test_a_streamed_book_is_right_or_not_vouched_for(
    changes: list[tuple[bool, int, int]], faults: list[str]
) -> None:
    truth = Truth(_possible(changes))
    rules = BybitBook()

    def message(kind: str, event: dict[str, Any], update_id: int) -> dict[str, Any]:
        data = {"u": update_id, "seq": 7 * update_id, "b": event["b"], "a": event["a"]}
        return {"type": kind, "ts": update_id, "data": data}

    def snapshot(update_id: int) -> dict[str, Any]:
        answer = truth.snapshot(10 + 3 * update_id)
        return message("snapshot", {"b": answer["bids"], "a": answer["asks"]}, update_id)

    assert rules.take(snapshot(0)) is None
    last = 0
    for number, (event, fault) in enumerate(zip(truth.events, faults, strict=False), start=1):
        if fault in {"lose", "late"}:
            continue
        hole = rules.take(message("delta", event, number))
        assert not isinstance(hole, str)
        if number != last + 1 and hole is not None:
            assert (hole.from_id, hole.to_id) == (last, number)
        assert rules.synced == (number == last + 1)
        if rules.synced:
            last = number
            assert rules.take(message("delta", event, number)) is None  # doubled
        else:
            assert rules.needs_snapshot
        if fault == "snapshot":
            assert rules.take(snapshot(number)) is None
            last = number
        if rules.synced:
            assert rules.last_id is not None
            assert truth.agrees(rules.book, 10 + 3 * rules.last_id)


def test_restarted_update_ids_are_a_gap_followed_by_a_book_from_a_new_snapshot() -> None:
    truth = Truth([(True, 5, 3)] * 40)
    rules = BinanceBook(1)
    last = truth.events[-1]["u"]
    assert rules.update(truth.events[-1]) is None
    holes = [rules.update(event) for event in truth.events[: BEHIND_AT_MOST + 2]]
    (hole,) = [hole for hole in holes if hole is not None]
    began = truth.events[BEHIND_AT_MOST - 1]["u"]
    assert hole == BookGap(last, began, "the ids of the book's updates restarted")
    assert rules.needs_snapshot
    assert rules.answer(truth.snapshot(began)) is None
    assert rules.last_id == truth.events[BEHIND_AT_MOST + 1]["u"]
    assert truth.agrees(rules.book, rules.last_id)


def test_old_updates_that_do_not_follow_each_other_change_nothing() -> None:
    truth = Truth([(True, 5, 3)] * 40)
    rules = BinanceBook(1)
    rules.update(truth.events[-1])
    for event in truth.events[:-1:2]:
        assert rules.update(event) is None
    for _ in range(2 * BEHIND_AT_MOST):
        assert rules.update(truth.events[-1]) is None


def test_a_crossed_book_is_a_hole() -> None:
    truth = Truth([(True, 3, 2), (True, 4, 2)])
    rules = BinanceBook(5)
    rules.update(truth.events[0])
    rules.answer(truth.snapshot(13))
    crossing = {**truth.events[1], "b": [["101.0", "5"]]}
    assert rules.update(crossing) == BookGap(13, 16, "the book is crossed")
    assert not rules.synced


def test_a_seq_that_falls_is_a_hole() -> None:
    rules = BybitBook()
    row = {"b": [["1", "1"]], "a": [["2", "1"]]}
    rules.take({"type": "snapshot", "ts": 1, "data": {**row, "u": 5, "seq": 50}})
    hole = rules.take({"type": "delta", "ts": 2, "data": {**row, "u": 6, "seq": 49}})
    assert hole == BookGap(5, 6, "the update's order falls from 50 to 49")


def test_an_update_that_follows_the_last_is_applied_although_its_id_falls() -> None:
    """Some venues restart their ids after maintenance, in the middle of a stream."""
    rules = StreamedBook()
    rules.on_snapshot(Snapshot(500, [(1.0, 1.0)], [(2.0, 1.0)]))
    assert rules.on_update(Update(500, 3, 7, [(1.5, 1.0)], [])) is None
    assert (rules.last_id, rules.book.bids.best()) == (3, 1.5)
    assert rules.on_update(Update(2, 3, 8, [(1.5, 1.0)], [])) is None  # a repeated one
    assert rules.book.bids.best() == 1.5


@pytest.mark.parametrize("make", [lambda: DiffBook(2), StreamedBook])
def test_another_update_with_the_id_of_the_last_makes_the_book_unverified(make: Any) -> None:
    """Which of the two is right is unknown."""
    rules = make()
    rules.on_update(Update(499, 500, 6, [], []))
    rules.on_snapshot(Snapshot(500, [(1.0, 1.0)], [(2.0, 1.0)]))
    rules.on_update(Update(500, 501, 7, [(1.5, 1.0)], []))
    assert rules.synced
    assert rules.on_update(Update(500, 501, 8, [(1.5, 1.0)], [])) is None
    assert rules.synced
    gap = rules.on_update(Update(500, 501, 8, [(1.6, 1.0)], []))
    assert gap == BookGap(501, 501, TWO_WITH_ONE_ID)
    assert not rules.synced


def test_levels_behind_the_snapshots_last_are_not_shown() -> None:
    book = PriceLevels()
    book.load([(9.0, 1.0), (8.0, 1.0)], [(10.0, 1.0)], bids_whole=False, asks_whole=True)
    book.apply([(7.0, 5.0)], [])
    assert book.bids.top(5) == [(9.0, 1.0), (8.0, 1.0)]
    assert not book.bids.knows(3)
    assert book.asks.knows(3)


@pytest.mark.parametrize("row", [["-1", "1"], ["nan", "1"], ["1", "inf"], ["0", "1"], ["x", "1"]])
def test_an_invalid_level_is_refused(row: list[str]) -> None:
    with pytest.raises(ValueError, match=r"price and a size|number|convert"):
        levels([row])


ASKS, BIDS = [["101.0", "1"], ["102.0", "2"]], [["99.0", "1"]]


@pytest.mark.parametrize(("bids", "asks"), [([], ASKS), (BIDS, []), ([], [])])
def test_a_snapshot_with_an_empty_side_is_a_book(bids: list[Any], asks: list[Any]) -> None:
    """As of a market that is new, halted or thin, in both kinds of stream."""
    update = {"e": "depthUpdate", "E": 1, "U": 11, "u": 20, "pu": 10, "b": [], "a": []}
    rules = BinanceBook(5)
    assert rules.update(update) is None
    assert rules.answer({"lastUpdateId": 15, "bids": bids, "asks": asks}) is None
    streamed = BybitBook()
    data = {"u": 5, "seq": 50, "b": bids, "a": asks}
    assert streamed.take({"type": "snapshot", "ts": 1, "data": data}) is None
    for book in (rules, streamed):
        assert (book.synced, book.needs_snapshot) == (True, False)
        assert book.book.bids.top(5) == levels(bids)
        assert book.book.asks.top(5) == levels(asks)


def test_a_side_that_was_empty_fills_and_empties_by_updates() -> None:
    rules = BinanceBook(5)
    rules.update({"E": 1, "U": 11, "u": 20, "pu": 10, "b": [], "a": []})
    rules.answer({"lastUpdateId": 15, "bids": [], "asks": ASKS})
    rules.update({"E": 2, "U": 21, "u": 30, "pu": 20, "b": BIDS, "a": []})
    assert (rules.book.bids.top(5), rules.synced) == ([(99.0, 1.0)], True)
    rules.update({"E": 3, "U": 31, "u": 40, "pu": 30, "b": [["99.0", "0"]], "a": []})
    assert (rules.book.bids.top(5), rules.synced) == ([], True)


def test_a_snapshot_out_of_order_is_refused() -> None:
    rows = [["1", "1"], ["2", "1"]]
    refusal = BinanceBook(5).answer({"lastUpdateId": 1, "bids": rows, "asks": [["3", "1"]]})
    assert refusal == "the snapshot's levels are out of order"

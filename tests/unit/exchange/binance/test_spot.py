"""Spot's streams: its own formats, and a depth chain without holes that joins REST."""

import json
from typing import Any

import pytest

from feedd.exchange.binance.spot import Spot
from feedd.exchange.book import Book, Changes
from feedd.exchange.history import TradeHistory, TradeRow
from feedd.exchange.instruments import listed, units
from feedd.exchange.matching import Matching
from feedd.exchange.streams import SPOT, parse

INSTRUMENT, PRICE = listed()["BTCUSDT"]
FORM = Spot(INSTRUMENT)


def test_every_diff_begins_behind_the_last_one_and_joins_any_snapshot() -> None:
    matching = Matching(INSTRUMENT, PRICE, "1 binance BTCUSDT", shared_ids=False)
    changes = Changes(matching.update_id)
    snapshot: dict[str, Any] = {}
    rebuilt, last_u, joined = Book(), None, 0
    for number in range(3000):
        step = matching.step(number)
        for side, price, size in step.changes:
            changes.change(side, price, size, step.update_id, number)
        if number % 97 == 50:  # between two diffs
            snapshot = FORM.depth_answer(matching.book, matching.update_id, 5000, number)
            assert snapshot.keys() == {"lastUpdateId", "bids", "asks"}
            rebuilt = filled(snapshot)
        if number % 7:
            continue
        taken = changes.take()
        if taken is None:
            continue
        diff = json.loads(FORM.depth(taken, number))
        assert diff.keys() == {"e", "E", "s", "U", "u", "b", "a"}
        assert last_u is None or diff["U"] == last_u + 1
        last_u = diff["u"]
        if not snapshot or diff["u"] <= snapshot["lastUpdateId"]:
            continue
        if diff["U"] <= snapshot["lastUpdateId"] + 1:
            joined += 1
        for key, side in (("b", "bid"), ("a", "ask")):
            for price, size in diff[key]:
                rebuilt.set(side, units(price, 2), units(size, 3))  # type: ignore[arg-type]
        assert rebuilt.sizes == matching.book.sizes
    assert joined == len(range(50, 3000, 97))


def filled(snapshot: dict[str, Any]) -> Book:
    book = Book()
    for key, side in (("bids", "bid"), ("asks", "ask")):
        for price, size in snapshot[key]:
            book.set(side, units(price, 2), units(size, 3))  # type: ignore[arg-type]
    return book


def test_update_ids_of_a_pair_count_by_one() -> None:
    matching = Matching(INSTRUMENT, PRICE, "1", shared_ids=False)
    first = matching.update_id
    assert [matching.step(0).update_id for _ in range(5)] == [first + n for n in range(1, 6)]


def test_events_have_the_fields_of_spot_with_eight_decimals() -> None:
    quote = json.loads(FORM.quote(7, (6_180_020, 2507, 6_180_030, 2510), 5))
    assert quote == {"u": 7, "s": "BTCUSDT", "b": "61800.20000000", "B": "2.50700000",
                     "a": "61800.30000000", "A": "2.51000000"}  # fmt: skip
    row = TradeRow(9, 4, 6_180_020, 6, True)
    assert json.loads(FORM.trade(row, 5)) == {
        "e": "trade", "E": 5, "s": "BTCUSDT", "t": 9, "p": "61800.20000000", "q": "0.00600000",
        "T": 4, "m": True, "M": True,
    }  # fmt: skip
    history = TradeHistory(INSTRUMENT)
    history.add(row)
    ticker = json.loads(FORM.ticker(history, (1, 2, 3, 4), 5) or "")
    assert (ticker["b"], ticker["B"], ticker["a"], ticker["A"]) == (
        "0.01000000", "0.00200000", "0.03000000", "0.00400000",
    )  # fmt: skip
    assert "st" not in ticker
    assert ticker["q"] == "370.80120000"


@pytest.mark.parametrize(
    "name", ["btcusdt@markPrice", "btcusdt@forceOrder", "btcusdt@depth@500ms", "btcusdt@depth@0ms"]
)
def test_what_only_futures_have_means_nothing_on_spot(name: str) -> None:
    assert parse(name) is not None
    assert parse(name, SPOT) is None


def test_depth_comes_every_second_unless_faster_is_asked_for() -> None:
    periods = [getattr(parse(name, SPOT), "period_ms", None)
               for name in ("btcusdt@depth", "btcusdt@depth@100ms", "btcusdt@depth20")]  # fmt: skip
    assert periods == [1000, 100, 1000]

"""Spot's streams: its own formats, and a depth chain without holes that joins REST."""

import json
from typing import Any

import pytest

from feedd.embedded.binance.spot import Spot
from feedd.embedded.binance.ws_session import BinanceWsSession, connect
from feedd.embedded.instruments import listed, units
from feedd.embedded.integer_book import Changes, IntegerBook
from feedd.embedded.matching import Matching
from feedd.embedded.trade_history import TradeHistory, TradeRow
from feedd.venues.binance.streams import SPOT, parse

INSTRUMENT, PRICE = listed()["BTCUSDT"]
FORM = Spot(INSTRUMENT)


def test_every_diff_begins_behind_the_last_one_and_joins_any_snapshot() -> None:
    matching = Matching(INSTRUMENT, PRICE, "1 binance BTCUSDT", shared_ids=False)
    changes = Changes(matching.update_id)
    snapshot: dict[str, Any] = {}
    rebuilt, last_u, joined = IntegerBook(), None, 0
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


def filled(snapshot: dict[str, Any]) -> IntegerBook:
    book = IntegerBook()
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
def test_streams_of_futures_do_not_exist_on_spot(name: str) -> None:
    assert parse(name) is not None
    assert parse(name, SPOT) is None


def test_depth_comes_every_second_unless_faster_is_asked_for() -> None:
    periods = [getattr(parse(name, SPOT), "period_ms", None)
               for name in ("btcusdt@depth", "btcusdt@depth@100ms", "btcusdt@depth20")]  # fmt: skip
    assert periods == [1000, 100, 1000]


def test_a_diff_covers_the_ids_that_changed_nothing() -> None:
    changes = Changes(4)
    changes.change("bid", 1, 2, 5, 0)
    changes.take()
    changes.change("bid", 1, 3, 7, 0)  # update 6 left the book as it was
    taken = changes.take()
    assert taken is not None
    diff = json.loads(FORM.depth(taken, 0))
    assert (diff["U"], diff["u"]) == (6, 7)


def test_spot_pings_every_20_s_wants_a_pong_within_60_and_takes_5_messages_a_second() -> None:
    target = BinanceWsSession("", False, lambda _: None, 0.0, SPOT)
    assert not target.on_time(19.0).ping
    assert target.on_time(20.0).ping
    assert target.on_time(60.0).close == (1008, "Pong timeout")
    for number in range(5):
        assert target.on_ping(61.0 + number / 10).close is None
    assert target.on_ping(61.9).close == (1008, "Too many requests")


def test_every_path_of_spot_carries_every_stream() -> None:
    for path in ("/ws/btcusdt@ticker/btcusdt@trade", "/stream", "/ws", "/ws/3"):
        opened = connect(path, {"streams": "btcusdt@ticker/btcusdt@trade"}, lambda _: None, 0, SPOT)
        assert opened is not None
        assert len(opened[1].subscribe) == (0 if path in {"/ws", "/ws/3"} else 2)
    assert connect("/public/ws", {}, lambda _: None, 0.0, SPOT) is None

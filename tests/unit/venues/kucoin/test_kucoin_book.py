"""KuCoin's books: the parsers on raw messages, and the rules on the recording of 2021."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_faults import Plan, RecordedBook, plans, play
from venue_recordings import answers, received

from feedd.books.depth import BookGap, Snapshot, Update
from feedd.books.diff import DiffBook
from feedd.venues.kucoin.book import (
    DEPTH_AT_MOST,
    KNOWN_AT_LEAST,
    KNOWN_MORE,
    SNAPSHOT_LEVELS,
    futures_snapshot,
    futures_update,
    snapshot_request,
    spot_rules,
    spot_snapshot,
    spot_update,
)
from feedd.venues.kucoin.parsers import trades

RECORDING = "venues/kucoin.jsonl.zst"
MARKETS = (
    "ANKR-BTC", "BCHSV-USDT", "CAPP-BTC", "COV-BTC", "DAPPT-BTC", "EQZ-BTC", "FET-BTC", "NRG-BTC",
    "SNX-BTC",
)  # fmt: skip


def message(first: int, last: int, **changes: list[list[str]]) -> dict[str, Any]:
    """Return an update of the recording's form, which has no time."""
    data = {
        "sequenceStart": first, "sequenceEnd": last, "symbol": "DAPPT-BTC",
        "changes": {"asks": [], "bids": []} | changes,
    }  # fmt: skip
    topic = "/market/level2:DAPPT-BTC"
    return {"data": data, "subject": "trade.l2update", "topic": topic, "type": "message"}


@cache
def recording() -> dict[str, RecordedBook]:
    updates: dict[str, list[Update]] = defaultdict(list)
    for _, raw in received(RECORDING):
        if raw.get("subject") == "trade.l2update":
            updates[raw["data"]["symbol"]].append(spot_update(raw))
    books = {}
    for url, body in answers(RECORDING):
        if "orderbook" in url:
            market = url.partition("symbol=")[2]
            # The page of 2021 has all levels: it is the truth, of which today's has the best 100.
            books[market] = RecordedBook(spot_snapshot(body), updates[market])
    return books


def test_an_update_follows_the_number_before_its_first() -> None:
    raw = message(1612701563931, 1612701563932, bids=[["0.0000001091", "389339.6854", "1"]])
    assert spot_update(raw) == Update(
        1612701563930, 1612701563932, 0, [(1.091e-07, 389339.6854)], []
    )
    raw["data"]["time"] = 1663747970273
    assert spot_update(raw).timestamp == 1663747970273


def test_a_change_at_the_price_0_has_only_a_number() -> None:
    raw = message(1612701563930, 1612701563930, bids=[["0", "0", "1612701563930"]])
    assert spot_update(raw) == Update(1612701563929, 1612701563930, 0, [], [])


def test_the_snapshot_of_spot_has_100_levels_of_more_and_that_of_futures_all() -> None:
    data = {"sequence": "5", "bids": [["1.5", "2"]], "asks": [["1.6", 3]]}
    assert spot_snapshot({"data": {**data, "time": 7}}) == Snapshot(
        5, [(1.5, 2.0)], [(1.6, 3.0)], 7, limit=100
    )
    assert futures_snapshot({"data": {**data, "ts": 1731897467182000000}}) == Snapshot(
        5, [(1.5, 2.0)], [(1.6, 3.0)], 1731897467182
    )
    for broken in ({"data": {**data, "bids": None}}, {"data": None}, {"code": "400"}, []):
        with pytest.raises(ValueError, match="the snapshot can't be read"):
            spot_snapshot(broken)


def test_a_change_of_futures_is_one_level() -> None:
    raw = {"data": {"sequence": 9, "change": "90631.2,sell,2", "timestamp": 1731897467182}}
    assert futures_update(raw) == Update(8, 9, 1731897467182, [], [(90631.2, 2.0)])
    raw["data"]["change"] = "90631.2,buy,0"
    assert futures_update(raw) == Update(8, 9, 1731897467182, [(90631.2, 0.0)], [])


@pytest.mark.parametrize("change", ["1,hold,2", "1,buy", "0,buy,1", "1,buy,-1", ""])
def test_a_malformed_change_of_futures_is_rejected(change: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        futures_update({"data": {"sequence": 9, "change": change, "timestamp": 1}})


@pytest.mark.parametrize(
    "damage",
    [{"sequenceStart": None}, {"sequenceEnd": 4}, {"changes": {"bids": []}}, {"time": "x"}],
)
def test_a_malformed_update_is_rejected(damage: dict[str, Any]) -> None:
    raw = message(5, 6)
    raw["data"].update(damage)
    with pytest.raises((ValueError, TypeError, LookupError)):
        spot_update(raw)


def test_the_page_of_a_snapshot_is_the_public_one() -> None:
    assert snapshot_request("spot", "BTC-USDT") == (
        "publicGetMarketOrderbookLevel2100", {"symbol": "BTC-USDT"}
    )  # fmt: skip
    for market_type in ("linear", "inverse"):
        assert snapshot_request(market_type, "XBTUSDTM").method == "futuresPublicGetLevel2Snapshot"


def test_a_lost_update_is_one_gap() -> None:
    """The messages are those of DAPPT/BTC whose loss published 97 wrong books."""
    rules = spot_rules(20)
    rules.on_update(spot_update(message(1612701563930, 1612701563930, bids=[["0", "0", "1"]])))
    rules.on_snapshot(Snapshot(1612701563930, [(1.11e-07, 5.0)], [(1.13e-07, 5.0)], limit=100))
    taken = message(1612701563931, 1612701563931, bids=[["0.0000001091", "389339.6854", "1"]])
    assert rules.on_update(spot_update(taken)) is None
    assert rules.synced
    after = message(1612701563933, 1612701563933, bids=[["0.0000001115", "6450", "1"]])
    assert rules.on_update(spot_update(after)) == BookGap(
        1612701563931, 1612701563933, "an update of the book is missing"
    )
    assert (rules.synced, rules.needs_snapshot) == (False, True)
    later = message(1612701563934, 1612701563934, bids=[["0.0000001115", "0", "1"]])
    assert rules.on_update(spot_update(later)) is None


def test_a_fresh_snapshot_of_100_levels_ends_the_requests() -> None:
    assert max(DEPTH_AT_MOST + KNOWN_MORE, KNOWN_AT_LEAST) < SNAPSHOT_LEVELS
    for depth in (1, 20, 100, 500):
        rules = spot_rules(depth)
        rules.on_update(Update(4, 5, 0, [], []))
        bids = [(1000.0 - level, 1.0) for level in range(SNAPSHOT_LEVELS)]
        asks = [(1001.0 + level, 1.0) for level in range(SNAPSHOT_LEVELS)]
        assert rules.on_snapshot(Snapshot(5, bids, asks, limit=SNAPSHOT_LEVELS)) is None
        assert (rules.synced, rules.needs_snapshot) == (True, False)


@pytest.mark.parametrize("market", MARKETS)
def test_recorded_updates_follow_each_other_and_need_one_snapshot(market: str) -> None:
    book = recording()[market]
    rules = spot_rules(20)
    assert play(book, rules, Plan({}, 0), SNAPSHOT_LEVELS) == len(book.updates) > 30
    assert (rules.synced, rules.needs_snapshot) == (True, False)
    assert rules.book.knows(80)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_synced_book_is_the_true_one_whatever_the_stream_loses(data: st.DataObject) -> None:
    book = recording()[data.draw(st.sampled_from(("ANKR-BTC", "DAPPT-BTC", "FET-BTC")))]
    play(book, spot_rules(20), data.draw(plans(len(book.updates))), SNAPSHOT_LEVELS)


def test_a_book_that_runs_out_of_known_levels_is_not_published() -> None:
    rules = DiffBook(3, known_more=2, known_at_least=5)
    rules.on_update(Update(4, 5, 0, [], []))
    levels = [(10.0 - one, 1.0) for one in range(6)]
    rules.on_snapshot(Snapshot(5, levels, [(11.0 + one, 1.0) for one in range(6)], limit=6))
    assert (rules.synced, rules.needs_snapshot) == (True, False)
    rules.on_update(Update(5, 6, 0, [(10.0, 0.0), (9.0, 0.0)], []))
    assert (rules.synced, rules.needs_snapshot) == (True, True)
    rules.on_update(Update(6, 7, 0, [(8.0, 0.0), (7.0, 0.0)], []))
    assert not rules.synced


def test_recorded_takers_buy_from_asks_and_sell_to_bids() -> None:
    """The book is that before the trade's own number, which the books' updates share."""
    found = Counter[bool | None]()
    for _, raw in received(RECORDING):
        if raw.get("subject") == "trade.l3match":
            [trade] = trades(raw, "kucoin", "", 0, "")
            book = recording()[raw["data"]["symbol"]]
            side = book.takers_side_before(trade.price, int(raw["data"]["sequence"]))
            found[None if side is None else side == trade.side] += 1
    assert found == {True: 18}

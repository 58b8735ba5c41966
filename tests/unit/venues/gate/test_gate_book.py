"""Gate's books: the parsers on raw messages, and the rules on streams and on real recordings.

The recording of spot is of 2021, whose updates carry the same ids in another channel.
"""

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
from feedd.books.streamed import StreamedBook
from feedd.venues.gate.book import (
    futures_depth,
    futures_snapshot,
    snapshot_request,
    spot_depth,
)
from feedd.venues.gate.parsers import spot_trades

# https://www.gate.com/docs/developers/apiv4/ws/en/#order-book-v2-api
FULL: dict[str, Any] = {
    "channel": "spot.obu",
    "result": {
        "t": 1777275365213, "full": True, "s": "ob.XRP_USDT.50", "u": 9649549324,
        "b": [["1.414", "1397.899"]], "a": [["1.415", "17344.926"]],
    },
    "time_ms": 1777275365214,
    "event": "update",
}  # fmt: skip
FUTURES: dict[str, Any] = {
    "time": 1684930165, "time_ms": 1684930165353, "channel": "futures.order_book_update",
    "event": "update",
    "result": {
        "U": 203083178, "a": [{"p": "0.3047", "s": 8393}], "b": [{"p": "0.2972", "s": "0"}],
        "s": "RDNT_USDT", "t": 1684930165247, "u": 203083180,
    },
}  # fmt: skip
SPOT_BOOKS = ("FAST_USDT", "HAI_ETH", "NEO_BTC", "OMG_USDT", "QTUM3S_USDT", "ZKS_ETH")
FUTURES_BOOKS = ("OMG_USDT", "PHB_USDT", "RDNT_USDT", "WOO_USDT")


def update(first: int, last: int, **sides: list[list[str]]) -> dict[str, Any]:
    result = {"t": 1777275365233, "s": "ob.XRP_USDT.50", "U": first, "u": last, **sides}
    return {**FULL, "result": result}


def take(rules: StreamedBook | DiffBook, depth: Update | Snapshot) -> BookGap | str | None:
    return rules.on_snapshot(depth) if isinstance(depth, Snapshot) else rules.on_update(depth)


@cache
def spot_recording() -> dict[str, RecordedBook]:
    """Return the recorded books; a page of 2021 is the full book with which `spot.obu` begins."""
    updates: dict[str, list[Update]] = defaultdict(list)
    for _, message in received("venues/gateio.jsonl.zst"):
        if message["channel"] == "spot.order_book_update" and message["event"] == "update":
            depth = spot_depth({"result": message["result"]})
            assert isinstance(depth, Update)
            updates[message["result"]["s"]].append(depth)
    books = {}
    for url, body in answers("venues/gateio.jsonl.zst"):
        if "order_book" in url:
            market = url.partition("currency_pair=")[2].partition("&")[0]
            full = {"t": 0, "full": True, "u": body["id"], "b": body["bids"], "a": body["asks"]}
            snapshot = spot_depth({"result": full})
            assert isinstance(snapshot, Snapshot)
            books[market] = RecordedBook(snapshot, updates[market])
    return books


@cache
def futures_recording() -> dict[str, RecordedBook]:
    updates: dict[str, list[Update]] = defaultdict(list)
    for _, message in received("venues/gateio_futures.jsonl.zst"):
        if message["channel"] == "futures.order_book_update" and message["event"] == "update":
            depth = futures_depth(message)
            assert isinstance(depth, Update)
            updates[message["result"]["s"]].append(depth)
    books = {}
    for url, body in answers("venues/gateio_futures.jsonl.zst"):
        if "order_book" in url:
            market = url.partition("contract=")[2].partition("&")[0]
            books[market] = RecordedBook(futures_snapshot(body), updates[market])
    return books


def test_a_full_book_of_spot_is_a_snapshot() -> None:
    assert spot_depth(FULL) == Snapshot(
        9649549324, [(1.414, 1397.899)], [(1.415, 17344.926)], 1777275365213
    )


def test_an_update_of_spot_follows_the_id_before_its_first() -> None:
    assert spot_depth(update(9649549325, 9649549331, b=[["1.414", "0"]])) == Update(
        9649549324, 9649549331, 1777275365233, [(1.414, 0.0)], []
    )


def test_levels_of_futures_have_names_and_sizes_in_either_form() -> None:
    assert futures_depth(FUTURES) == Update(
        203083177, 203083180, 1684930165247, [(0.2972, 0.0)], [(0.3047, 8393.0)]
    )


def test_the_snapshot_of_futures_has_its_id_and_time() -> None:
    answer = {
        "current": 1684930166.031, "id": 203083177, "update": 1684930165.217,
        "asks": [{"s": 1336, "p": "0.2992"}], "bids": [{"s": 20, "p": "0.2972"}],
    }  # fmt: skip
    assert futures_snapshot(answer) == Snapshot(
        203083177, [(0.2972, 20.0)], [(0.2992, 1336.0)], 1684930165217
    )
    for broken in ({**answer, "id": None}, {**answer, "bids": [["1", "2"]]}, [], None):
        with pytest.raises(ValueError, match="the snapshot can't be read"):
            futures_snapshot(broken)


def test_the_snapshot_is_requested_where_the_contract_is_listed() -> None:
    params = {"limit": 100, "with_id": True}
    assert snapshot_request("linear", "BTC_USDT") == (
        "publicFuturesGetSettleOrderBook", {"settle": "usdt", "contract": "BTC_USDT", **params}
    )  # fmt: skip
    assert snapshot_request("inverse", "BTC_USD") == (
        "publicFuturesGetSettleOrderBook", {"settle": "btc", "contract": "BTC_USD", **params}
    )  # fmt: skip
    assert snapshot_request("linear", "BTC_USDT_20260327") == (
        "publicDeliveryGetSettleOrderBook",
        {"settle": "usdt", "contract": "BTC_USDT_20260327", **params},
    )


@pytest.mark.parametrize(
    "damage",
    [{"U": None}, {"u": "x"}, {"u": 1}, {"t": None}, {"b": [["0", "1"]]}, {"b": [["1", "-1"]]}],
)
def test_a_malformed_update_is_rejected(damage: dict[str, Any]) -> None:
    message = update(5, 6, b=[["1", "1"]])
    message["result"].update(damage)
    with pytest.raises((ValueError, TypeError, LookupError)):
        spot_depth(message)


def test_a_hole_in_spot_is_one_gap_and_the_next_full_book_ends_it() -> None:
    """The ids are those of OMG/USDT on 2021-04-22, the third update left out."""
    rules = StreamedBook(grows=True)
    full = {**FULL, "result": {**FULL["result"], "u": 59231904}}
    assert take(rules, spot_depth(full)) is None
    assert take(rules, spot_depth(update(59231905, 59231905, b=[["1.4", "3"]]))) is None
    gap = take(rules, spot_depth(update(59231908, 59231912, a=[["1.415", "0"]])))
    assert gap == BookGap(59231905, 59231912, "an update of the book is missing")
    assert take(rules, spot_depth(update(59231913, 59231913))) is None
    assert (rules.synced, rules.needs_snapshot) == (False, True)
    assert take(rules, spot_depth({**FULL, "result": {**FULL["result"], "u": 59231950}})) is None
    assert rules.synced


def test_a_full_book_in_the_midst_of_the_stream_replaces_the_book() -> None:
    rules = StreamedBook(grows=True)
    take(rules, spot_depth({**FULL, "result": {**FULL["result"], "u": 5}}))
    take(rules, spot_depth(update(6, 6, b=[["1.413", "7"]])))
    take(rules, spot_depth({**FULL, "result": {**FULL["result"], "u": 7}}))
    assert rules.book.bids.top(5) == [(1.414, 1397.899)]
    assert take(rules, spot_depth(update(8, 8, b=[["1.413", "7"]]))) is None
    assert (rules.synced, rules.last_id) == (True, 8)


@pytest.mark.parametrize("market", SPOT_BOOKS)
def test_recorded_updates_of_spot_follow_each_other(market: str) -> None:
    book = spot_recording()[market]
    assert play(book, StreamedBook(grows=True), Plan({}, 0)) == len(book.updates) > 3


@pytest.mark.parametrize("market", FUTURES_BOOKS)
def test_recorded_updates_of_futures_follow_each_other(market: str) -> None:
    book = futures_recording()[market]
    assert play(book, DiffBook(20), Plan({}, 0)) == len(book.updates) > 40


@given(st.data())
@settings(deadline=None)
def test_a_synced_book_of_spot_is_the_true_one_whatever_the_stream_loses(
    data: st.DataObject,
) -> None:
    book = spot_recording()["OMG_USDT"]
    play(book, StreamedBook(grows=True), data.draw(plans(len(book.updates))))


@given(st.data())
@settings(deadline=None)
def test_a_synced_book_of_futures_is_the_true_one_whatever_the_stream_loses(
    data: st.DataObject,
) -> None:
    book = futures_recording()[data.draw(st.sampled_from(FUTURES_BOOKS))]
    play(book, DiffBook(20), data.draw(plans(len(book.updates))))


def test_recorded_takers_buy_from_asks_and_sell_to_bids() -> None:
    """The books of 2021 are 100 ms apart: one trade is at a price that moved meanwhile."""
    found = Counter[bool | None]()
    for _, message in received("venues/gateio.jsonl.zst"):
        if message["channel"] == "spot.trades" and message["event"] == "update":
            [(_, trade)] = spot_trades(message, "gate", "", 0, "")
            assert trade is not None
            assert trade.timestamp is not None
            book = spot_recording()[message["result"]["currency_pair"]]
            side = book.takers_side(trade.price, trade.timestamp)
            found[None if side is None else side == trade.side] += 1
    assert found == {True: 4, False: 1, None: 4}

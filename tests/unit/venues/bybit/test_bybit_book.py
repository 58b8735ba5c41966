"""Bybit's book: the parser on raw messages, and the rules on a stream and on real recordings."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import pytest
import zstandard
from conftest import real_recording

from feedd.books.depth import BookGap, Snapshot, Update
from feedd.books.streamed import StreamedBook
from feedd.venues.bybit.book import to_depth
from feedd.venues.bybit.control import channel_of

# https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook
SNAPSHOT: dict[str, Any] = {
    "topic": "orderbook.50.BTCUSDT", "type": "snapshot", "ts": 1672304484978,
    "data": {
        "s": "BTCUSDT", "b": [["16493.50", "0.006"], ["16493.00", "0.100"]],
        "a": [["16611.00", "0.029"], ["16612.00", "0.213"]], "u": 18521288, "seq": 7961638724,
    },
    "cts": 1672304484976,
}  # fmt: skip
RECORDING = "venues/bybit.jsonl.zst"
BOOKS = {  # of the recording, by connection (linear, spot) and symbol: updates after the snapshot
    ("BYBIT.ws.2", "BTCUSDT"): 413, ("BYBIT.ws.2", "DOGEUSDT"): 379,
    ("BYBIT.ws.2", "ETHUSDT"): 420, ("BYBIT.ws.2", "SOLUSDT"): 382,
    ("BYBIT.ws.3", "BTCUSDT"): 299, ("BYBIT.ws.3", "ETHUSDT"): 249,
}  # fmt: skip


def delta(update_id: int, bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": update_id, "seq": 8 * update_id + 10**10}
    return {**SNAPSHOT, "type": "delta", "ts": 1672304485000, "data": data}


def take(rules: StreamedBook, message: dict[str, Any]) -> BookGap | str | None:
    depth = to_depth(message)
    return rules.on_snapshot(depth) if isinstance(depth, Snapshot) else rules.on_update(depth)


@cache
def recorded() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the depth messages of the real recording, by connection and symbol."""
    books: dict[tuple[str, str], list[dict[str, Any]]] = {book: [] for book in BOOKS}
    with real_recording(RECORDING).open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            row = json.loads(line)
            if row["t"] == "recv" and "orderbook." in row["data"]:
                message = json.loads(row["data"])
                if str(message.get("topic")).startswith("orderbook."):
                    books[row["conn"], message["data"]["s"]].append(message)
    return books


def test_a_raw_snapshot_is_the_whole_book() -> None:
    assert to_depth(SNAPSHOT) == Snapshot(
        18521288, [(16493.5, 0.006), (16493.0, 0.1)], [(16611.0, 0.029), (16612.0, 0.213)],
        1672304484978, 7961638724,
    )  # fmt: skip


def test_a_raw_delta_follows_the_update_whose_id_is_one_less() -> None:
    assert to_depth(delta(18521289, [["16493.50", "0"]], [])) == Update(
        18521288, 18521289, 1672304485000, [(16493.5, 0.0)], [], 8 * 18521289 + 10**10
    )


def test_deltas_change_levels_and_a_size_of_0_removes_one() -> None:
    rules = StreamedBook()
    assert take(rules, SNAPSHOT) is None
    assert take(rules, delta(18521289, [["16493.50", "0"]], [["16610.50", "1.5"]])) is None
    assert rules.book.bids.top(5) == [(16493.0, 0.1)]
    assert rules.book.asks.top(5) == [(16610.5, 1.5), (16611.0, 0.029), (16612.0, 0.213)]
    assert (rules.synced, rules.last_id) == (True, 18521289)


def test_a_missing_delta_is_a_gap_until_the_next_snapshot() -> None:
    rules = StreamedBook()
    take(rules, SNAPSHOT)
    gap = take(rules, delta(18521290, [], [["16611.00", "0"]]))
    assert gap == BookGap(18521288, 18521290, "an update of the book is missing")
    assert rules.needs_snapshot
    assert take(rules, delta(18521291, [["16493.50", "1"]], [])) is None
    assert not rules.synced
    assert take(rules, SNAPSHOT) is None
    assert rules.synced


def test_the_snapshot_after_a_restart_of_the_service_begins_a_book_with_id_1() -> None:
    rules = StreamedBook()
    take(rules, SNAPSHOT)
    assert take(rules, {**SNAPSHOT, "data": {**SNAPSHOT["data"], "u": 1}}) is None
    assert (rules.synced, rules.last_id) == (True, 1)


@pytest.mark.parametrize(
    "damage",
    [{"u": None}, {"seq": "x"}, {"b": [["16493.50"]]}, {"a": [["-1", "1"]]}, {"b": [["1", "nan"]]}],
)
def test_a_malformed_message_is_rejected(damage: dict[str, Any]) -> None:
    data: dict[str, Any] = {**delta(2, [], [])["data"], **damage}
    with pytest.raises((ValueError, TypeError, LookupError)):
        to_depth({**SNAPSHOT, "data": data})


def test_the_topic_of_the_quotes_is_not_the_books() -> None:
    assert channel_of(SNAPSHOT) == "book"
    assert channel_of({"topic": "orderbook.1000.BTCUSDT"}) == "book"
    assert channel_of({"topic": "orderbook.1.BTCUSDT"}) == "quote"


@pytest.mark.parametrize("book", BOOKS, ids="-".join)
def test_the_recorded_updates_follow_each_other(book: tuple[str, str]) -> None:
    first, *updates = recorded()[book]
    rules = StreamedBook()
    assert isinstance(to_depth(first), Snapshot)
    assert take(rules, first) is None
    assert [gap for message in updates if (gap := take(rules, message))] == []
    assert len(updates) == BOOKS[book]
    assert (rules.synced, rules.last_id) == (True, updates[-1]["data"]["u"])
    assert not rules.needs_snapshot


@pytest.mark.parametrize("book", BOOKS, ids="-".join)
def test_a_recorded_update_left_out_is_one_gap(book: tuple[str, str]) -> None:
    messages = recorded()[book]
    before, lost, after = messages[99:102]
    rules = StreamedBook()
    gaps = [gap for message in messages if message is not lost and (gap := take(rules, message))]
    from_id, to_id = (message["data"]["u"] for message in (before, after))
    assert gaps == [BookGap(from_id, to_id, "an update of the book is missing")]
    assert (rules.needs_snapshot, rules.last_id) == (True, from_id)

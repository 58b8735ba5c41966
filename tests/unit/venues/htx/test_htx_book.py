"""HTX's books: the parsers on raw messages, and the rules on the books of a real recording.

The recording of 2021 has whole books; the updates are the differences between them, in today's
messages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_faults import Plan, RecordedBook, plans, play
from venue_recordings import received

from feedd.books.depth import BookGap, Snapshot, Update
from feedd.books.diff import DiffBook
from feedd.books.streamed import StreamedBook
from feedd.venues.htx.book import spot_depth, spot_request, swap_depth
from feedd.venues.htx.parsers import spot_trades

RECORDING = "venues/huobi.jsonl.zst"
BOOKS = ("dogeeth", "omgbtc", "propyeth", "xvgeth", "zeneth")
STEP = 17  # numbers from one update to the next: spot's skip some

UPDATE: dict[str, Any] = {
    "ch": "market.btcusdt.mbp.150", "ts": 1583472025885,
    "tick": {
        "seqNum": 104998984994, "prevSeqNum": 104998984977, "bids": [[9058.27, 0]],
        "asks": [[9084.27, 0.2], [9085.69, 0]],
    },
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "id": "4", "rep": "market.btcusdt.mbp.150", "status": "ok", "ts": 1698359289261,
    "data": {
        "seqNum": 104998984977, "bids": [[9058.27, 1.2], [9058.0, 0]], "asks": [[9084.3, 0.2]],
    },
}  # fmt: skip


def swap(event: str, version: int, **sides: list[list[float]]) -> dict[str, Any]:
    tick = {
        "asks": [], "bids": [], "event": event, "id": 152727500274, "ts": 1645023376098,
        "version": version, **sides,
    }  # fmt: skip
    return {"ch": "market.BTC-USDT.depth.size_150.high_freq", "tick": tick, "ts": 1645023376098}


@cache
def whole_books() -> dict[str, list[dict[str, Any]]]:
    books: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, raw in received(RECORDING):
        if ".depth." in raw.get("ch", ""):
            books[raw["ch"].split(".")[1]].append(raw)
    return books


def difference(before: list[list[float]], after: list[list[float]]) -> list[list[float]]:
    old, new = {row[0]: row[1] for row in before}, {row[0]: row[1] for row in after}
    gone = [[price, 0.0] for price in old if price not in new]
    return gone + [[price, size] for price, size in new.items() if old.get(price) != size]


@cache
def spot_recording() -> dict[str, RecordedBook]:
    found = {}
    for market, (first, *others) in whole_books().items():
        whole = {"rep": "", "ts": first["ts"], "data": {**first["tick"], "seqNum": STEP}}
        snapshot = spot_depth(whole)
        assert isinstance(snapshot, Snapshot)
        updates, last, tick = [], STEP, first["tick"]
        for raw in others:
            sides = {side: difference(tick[side], raw["tick"][side]) for side in ("bids", "asks")}
            message = {
                "ts": raw["ts"], "tick": {"prevSeqNum": last, "seqNum": last + STEP, **sides}
            }  # fmt: skip
            update = spot_depth(message)
            assert isinstance(update, Update)
            updates.append(update)
            last, tick = last + STEP, raw["tick"]
        found[market] = RecordedBook(snapshot, updates)
    return found


def test_an_update_of_spot_names_the_one_before() -> None:
    assert spot_depth(UPDATE) == Update(
        104998984977,
        104998984994,
        1583472025885,
        [(9058.27, 0.0)],
        [(9084.27, 0.2), (9085.69, 0.0)],
    )  # fmt: skip


def test_a_message_without_a_time_is_read() -> None:
    for raw, expected in ((UPDATE, 0), (WHOLE, None)):
        depth = spot_depth({key: value for key, value in raw.items() if key != "ts"})
        assert depth == spot_depth(raw)._replace(timestamp=expected)


def test_the_answer_to_a_request_is_the_whole_book() -> None:
    assert spot_depth(WHOLE) == Snapshot(
        104998984977, [(9058.27, 1.2)], [(9084.3, 0.2)], 1698359289261
    )


def test_the_whole_book_is_requested_in_the_topic_that_is_subscribed_to() -> None:
    for limit, topic in ((150, "mbp.150"), (400, "mbp.400"), (None, "mbp.150")):
        assert spot_request("btcusdt", limit, lambda: "9") == [
            {"req": f"market.btcusdt.{topic}", "id": "9"}
        ]


def test_a_swap_begins_with_a_snapshot_and_counts_its_versions() -> None:
    assert swap_depth(swap("snapshot", 5, bids=[[43445.74, 1], [43444.48, 0]])) == Snapshot(
        5, [(43445.74, 1.0)], [], 1645023376098
    )
    assert swap_depth(swap("update", 6, asks=[[43446, 0]])) == Update(
        5, 6, 1645023376098, [], [(43446.0, 0.0)]
    )


@pytest.mark.parametrize(
    "damage",
    [{"seqNum": None}, {"prevSeqNum": "x"}, {"seqNum": 5}, {"bids": [[0, 1]]}, {"asks": [[1, -1]]}],
)
def test_a_malformed_update_of_spot_is_rejected(damage: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        spot_depth({**UPDATE, "tick": {**UPDATE["tick"], **damage}})


@pytest.mark.parametrize("damage", [{"event": "x"}, {"version": None}, {"ts": ""}, {"bids": [[1]]}])
def test_a_malformed_message_of_a_swap_is_rejected(damage: dict[str, Any]) -> None:
    broken = swap("update", 6)
    broken["tick"].update(damage)
    with pytest.raises((ValueError, TypeError, LookupError)):
        swap_depth(broken)


def test_a_hole_in_spot_is_one_gap_and_the_next_answer_ends_it() -> None:
    rules = DiffBook(20)
    for raw in (UPDATE, WHOLE):
        depth = spot_depth(raw)
        if isinstance(depth, Snapshot):
            assert rules.on_snapshot(depth) is None
        else:
            assert rules.on_update(depth) is None
    assert rules.synced
    after = {**UPDATE["tick"], "prevSeqNum": 104998985020, "seqNum": 104998985030}
    for tick, gap in (
        (after, BookGap(104998984994, 104998985030, "an update of the book is missing")),
        ({**after, "prevSeqNum": 104998985030, "seqNum": 104998985031}, None),
    ):
        update = spot_depth({**UPDATE, "tick": tick})
        assert isinstance(update, Update)
        assert rules.on_update(update) == gap
        assert (rules.synced, rules.needs_snapshot) == (False, True)
    newer = spot_depth({**WHOLE, "data": {**WHOLE["data"], "seqNum": 104998985031}})
    assert isinstance(newer, Snapshot)
    assert rules.on_snapshot(newer) is None
    assert rules.synced


def test_an_overtaken_snapshot_of_a_swap_changes_nothing_and_a_new_connection_may_begin_lower() -> (
    None
):
    rules = StreamedBook(grows=True)
    newer, older = (
        swap_depth(swap("snapshot", version, bids=[[price, 1]]))
        for version, price in ((7, 43445.74), (6, 43444.48))
    )
    assert isinstance(newer, Snapshot)
    assert isinstance(older, Snapshot)
    for snapshot in (newer, older):
        assert rules.on_snapshot(snapshot) is None
        assert (rules.last_id, rules.book.bids.best()) == (7, 43445.74)
    rules.reset()
    assert rules.on_snapshot(older) is None
    assert (rules.synced, rules.last_id, rules.book.bids.best()) == (True, 6, 43444.48)


@pytest.mark.parametrize("market", BOOKS)
def test_recorded_books_of_spot_are_built_again(market: str) -> None:
    book = spot_recording()[market]
    assert play(book, DiffBook(20), Plan({}, 0)) == len(book.updates) > 10


@given(st.data())
@settings(deadline=None)
def test_a_synced_book_of_spot_is_the_true_one_whatever_the_stream_loses(
    data: st.DataObject,
) -> None:
    book = spot_recording()[data.draw(st.sampled_from(BOOKS))]
    play(book, DiffBook(20), data.draw(plans(len(book.updates))))


@given(st.data())
@settings(deadline=None)
def test_a_synced_book_of_a_swap_is_the_true_one_whatever_the_stream_loses(
    data: st.DataObject,
) -> None:
    book = spot_recording()[data.draw(st.sampled_from(BOOKS))]
    play(book, StreamedBook(grows=True), data.draw(plans(len(book.updates))))


def test_recorded_takers_buy_from_asks_and_sell_to_bids() -> None:
    """The books of 2021 are up to 1 s apart: some trades are at prices that moved meanwhile."""
    found = Counter[bool | None]()
    for _, raw in received(RECORDING):
        if raw.get("ch", "").endswith(".trade.detail"):
            book = spot_recording()[raw["ch"].split(".")[1]]
            for _, trade in spot_trades(raw, "htx", "", 0, ""):
                assert trade.timestamp is not None
                side = book.takers_side(trade.price, trade.timestamp)
                found[None if side is None else side == trade.side] += 1
    assert found == {True: 56, False: 3, None: 14}

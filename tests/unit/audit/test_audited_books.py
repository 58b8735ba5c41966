"""Published books against the updates that the exchange sent."""

from __future__ import annotations

from typing import Any

from unit.audit.handmade_logs import BYBIT_FEED, FEED, audited, counts, seen, sent, status_seen

BOOK = f"book.{FEED}"
Levels = list[list[str]]


def update(u: int, bids: Levels, asks: Levels, before: int | None = None) -> Any:
    data = {"e": "depthUpdate", "E": u, "s": "BTCUSDT", "U": u, "u": u,
            "pu": u - 1 if before is None else before, "b": bids, "a": asks}  # fmt: skip
    return sent("btcusdt@depth@100ms", data, u, u)


def book(u: int, seq: int, bids: Any, asks: Any, topic: str = BOOK) -> Any:
    return seen(topic, seq, u, id=u, bids=bids, asks=asks)


TRUTH = [
    update(1, [["10", "1"]], [["11", "1"]]),
    update(2, [["9", "2"]], [["12", "2"]]),
    update(3, [["10", "0"]], []),
]
BOOKS = [
    book(1, 1, [[10.0, 1.0], [8.0, 7.0]], [[11.0, 1.0]]),
    book(2, 2, [[10.0, 1.0], [9.0, 2.0], [8.0, 7.0]], [[11.0, 1.0], [12.0, 2.0]]),
    book(3, 3, [[9.0, 2.0], [8.0, 7.0]], [[11.0, 1.0], [12.0, 2.0]]),
]


def test_books_hold_the_levels_that_updates_named() -> None:
    assert counts(audited(TRUTH, BOOKS), BOOK) == {}


def test_a_wrong_size_a_missing_level_and_a_removed_level_are_found() -> None:
    size = book(2, 2, [[10.0, 1.0], [9.0, 3.0]], [[11.0, 1.0], [12.0, 2.0]])
    assert counts(audited(TRUTH, [BOOKS[0], size]), BOOK) == {"wrong": 1}
    lacks = book(2, 2, [[10.0, 1.0], [8.0, 7.0]], [[11.0, 1.0], [12.0, 2.0]])
    assert counts(audited(TRUTH, [BOOKS[0], lacks]), BOOK) == {"wrong": 1}
    removed = book(3, 3, [[10.0, 1.0], [9.0, 2.0]], [[11.0, 1.0], [12.0, 2.0]])
    assert counts(audited(TRUTH, [*BOOKS[:2], removed]), BOOK) == {"wrong": 1}


def test_an_empty_side_is_right_until_an_update_names_a_level() -> None:
    no_bids = [update(1, [], [["11", "1"]]), update(2, [["9", "2"]], [])]
    first = book(1, 1, [], [[11.0, 1.0]])
    assert counts(audited(no_bids, [first, book(2, 2, [[9.0, 2.0]], [[11.0, 1.0]])]), BOOK) == {}
    assert counts(audited(no_bids, [first, book(2, 2, [], [[11.0, 1.0]])]), BOOK) == {"wrong": 1}


def test_a_book_that_skips_an_update_is_missing_unless_it_was_in_resync() -> None:
    after = book(3, 2, BOOKS[2]["payload"]["bids"], BOOKS[2]["payload"]["asks"])
    assert counts(audited(TRUTH, [BOOKS[0], after]), BOOK) == {"missing": 1}
    resync = status_seen(1, 2.5, "resync")
    assert counts(audited(TRUTH, [BOOKS[0], resync, after]), BOOK) == {"flagged": 1}


def test_a_restarted_stream_knows_only_the_events_it_names() -> None:
    truth = [*TRUTH[:2], update(7, [["9", "5"]], [], before=6)]
    later = book(7, 1, [[9.0, 5.0], [8.5, 1.0]], [[10.5, 1.0]])
    later["payload"]["session"] = 2
    assert counts(audited(truth, [*BOOKS[:2], later], by_client=False), BOOK) == {}


def test_after_a_snapshot_of_the_stream_a_book_must_be_equal() -> None:
    topic = f"book.{BYBIT_FEED}"

    def message(u: int, kind: str, bids: Levels, asks: Levels) -> Any:
        name = "orderbook.50.BTCUSDT"
        data = {"topic": name, "type": kind, "ts": u, "data": {"b": bids, "a": asks, "u": u}}
        return sent(name, data, u, u)

    truth = [
        message(1, "snapshot", [["10", "1"], ["9", "1"]], [["11", "1"]]),
        message(2, "delta", [["9", "4"]], []),
    ]
    first = book(1, 1, [[10.0, 1.0], [9.0, 1.0]], [[11.0, 1.0]], topic)
    good = book(2, 2, [[10.0, 1.0], [9.0, 4.0]], [[11.0, 1.0]], topic)
    assert counts(audited(truth, [first, good]), topic) == {}
    more = book(2, 2, [[10.0, 1.0], [9.5, 3.0]], [[11.0, 1.0]], topic)
    assert counts(audited(truth, [first, more]), topic) == {"wrong": 1}

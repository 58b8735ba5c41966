"""OKX's book: the parser on raw messages, and the rules on faulty streams and the recording."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import pytest
import zstandard
from conftest import real_recording
from hypothesis import given
from hypothesis import strategies as st

from feedd.books.depth import BookGap, Snapshot, Update
from feedd.books.streamed import WENT_BACK
from feedd.venues.okx import frames
from feedd.venues.okx.book import OkxBook, to_depth
from feedd.venues.okx.control import channel_of

Level = tuple[float, float]

ARG = {"channel": "books", "instId": "BTC-USDT"}
# https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel
SNAPSHOT: dict[str, Any] = {
    "arg": ARG, "action": "snapshot",
    "data": [{
        "asks": [["8476.98", "415", "0", "13"], ["8477", "7", "0", "2"]],
        "bids": [["8476.97", "256", "0", "12"], ["8475.55", "101", "0", "1"]],
        "ts": "1597026383085", "checksum": 0, "prevSeqId": -1, "seqId": 123456,
    }],
}  # fmt: skip
RECORDING = "venues/okx.jsonl.zst"
BOOKS = {"BTC-USD-220527": 98, "UNI-USD-SWAP": 92, "BTC-USDT": 97}  # updates after the snapshot


def update(
    before: int, last: int, bids: list[list[str]] | None = None, asks: list[list[str]] | None = None
) -> dict[str, Any]:
    data = {
        "asks": asks or [], "bids": bids or [], "ts": "1597026383185", "checksum": 0,
        "prevSeqId": before, "seqId": last,
    }  # fmt: skip
    return {"arg": ARG, "action": "update", "data": [data]}


def take(rules: OkxBook, message: dict[str, Any]) -> BookGap | str | None:
    depth = to_depth(message)
    return rules.on_snapshot(depth) if isinstance(depth, Snapshot) else rules.on_update(depth)


@cache
def recorded() -> dict[str, list[dict[str, Any]]]:
    """Return the recording's depth messages by market, with the ids that OKX sends since 2023."""
    books: dict[str, list[dict[str, Any]]] = {market: [] for market in BOOKS}
    with real_recording(RECORDING).open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            row = json.loads(line)
            message = json.loads(row["data"]) if row["t"] == "recv" else {}
            if channel_of(message) == "book":
                book = books[message["arg"]["instId"]]
                seq_id = 1000 + len(book)
                before = seq_id - 1 if book else -1
                message["data"][0] |= {"seqId": seq_id, "prevSeqId": before}
                book.append(message)
    return books


def test_a_raw_snapshot_is_the_whole_book() -> None:
    assert to_depth(SNAPSHOT) == Snapshot(
        123456, [(8476.97, 256.0), (8475.55, 101.0)], [(8476.98, 415.0), (8477.0, 7.0)],
        1597026383085,
    )  # fmt: skip


def test_a_raw_update_names_the_one_before() -> None:
    message = update(123456, 123460, [["8476.97", "0", "0", "0"]])
    assert to_depth(message) == Update(123456, 123460, 1597026383185, [(8476.97, 0.0)], [])


def test_an_update_that_is_altered_to_a_snapshot_is_rejected() -> None:
    message = {**update(123456, 123460), "action": "snapshot"}
    with pytest.raises(ValueError, match="action snapshot and prevSeqId 123456"):
        to_depth(message)
    with pytest.raises(ValueError, match="snapshot has the prevSeqId 123456"):
        frames.to_depth(frames.read(json.dumps(message).encode()))


def test_a_missing_update_is_a_gap_until_the_next_snapshot() -> None:
    rules = OkxBook()
    take(rules, SNAPSHOT)
    assert take(rules, update(123456, 123460)) is None
    gap = take(rules, update(123461, 123465))
    assert gap == BookGap(123460, 123465, "an update of the book is missing")
    assert rules.needs_snapshot
    assert take(rules, update(123465, 123466)) is None
    assert not rules.synced
    assert take(rules, SNAPSHOT) is None
    assert (rules.synced, rules.last_id) == (True, 123456)


def test_an_update_without_levels_and_with_equal_ids_changes_nothing() -> None:
    rules = OkxBook()
    take(rules, SNAPSHOT)
    assert take(rules, update(123456, 123456)) is None
    assert (rules.synced, rules.last_id) == (True, 123456)
    assert take(rules, update(123456, 123457)) is None
    gap = take(rules, update(123458, 123458))  # 123458 was not received before
    assert gap == BookGap(123457, 123458, "an update of the book is missing")


def test_ids_that_fall_after_a_maintenance_go_on_from_there() -> None:
    rules = OkxBook()
    take(rules, SNAPSHOT)
    assert take(rules, update(123456, 15, [["8476.5", "1", "0", "1"]])) is None
    assert take(rules, update(15, 16)) is None
    assert (rules.synced, rules.last_id) == (True, 16)
    assert rules.book.bids.top(2) == [(8476.97, 256.0), (8476.5, 1.0)]


def test_ids_that_fell_in_a_message_that_is_missing_are_a_gap() -> None:
    rules = OkxBook()
    take(rules, SNAPSHOT)
    take(rules, update(123456, 123457))
    assert take(rules, update(15, 16)) == BookGap(123457, 16, WENT_BACK)
    assert rules.needs_snapshot


def test_ids_that_fell_right_after_a_snapshot_are_a_gap_after_a_few_messages() -> None:
    """Updates that were sent before a snapshot, which it contains, seem the same."""
    rules = OkxBook()
    take(rules, SNAPSHOT)
    found = [take(rules, update(last - 1, last)) for last in range(15, 20)]
    assert found == [None] * 4 + [BookGap(123456, 19, WENT_BACK)]


def test_an_update_that_is_sent_again_is_no_gap() -> None:
    rules = OkxBook()
    take(rules, SNAPSHOT)
    first = update(123456, 123457, [["8476.5", "1", "0", "1"]])
    take(rules, first)
    take(rules, update(123457, 123458, [["8476.5", "0", "0", "0"]]))
    assert take(rules, first) is None
    assert rules.synced
    assert rules.book.bids.top(9) == [(8476.97, 256.0), (8475.55, 101.0)]


@pytest.mark.parametrize(
    "damage",
    [
        {"seqId": None}, {"prevSeqId": "x"}, {"bids": [["16493.50"]]}, {"asks": [["-1", "1"]]},
        {"bids": [["1", "nan"]]}, {"ts": ""}, {"prevSeqId": -1},
    ],
)  # fmt: skip
def test_a_malformed_update_is_rejected(damage: dict[str, Any]) -> None:
    message = update(1, 2)
    message["data"][0] |= damage
    with pytest.raises((ValueError, TypeError, LookupError)):
        to_depth(message)


@pytest.mark.parametrize("market", BOOKS)
def test_the_recorded_updates_follow_each_other(market: str) -> None:
    rules = OkxBook()
    for message in recorded()[market]:
        assert take(rules, message) is None
        assert rules.synced
        # The venue removes the levels that leave its 400.
        assert len(rules.book.bids.top(1000)) <= 400
        assert len(rules.book.asks.top(1000)) <= 400
    assert len(recorded()[market]) - 1 == BOOKS[market]


@pytest.mark.parametrize("market", BOOKS)
def test_any_lost_message_of_the_recording_is_a_gap(market: str) -> None:
    messages = recorded()[market]
    for lost in range(1, len(messages) - 1):
        rules = OkxBook()
        for message in messages[:lost]:
            take(rules, message)
        gap = take(rules, messages[lost + 1])
        assert isinstance(gap, BookGap)
        assert not rules.synced


def without_ids(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as it was recorded in 2022."""
    (data,) = message["data"]
    return {**message, "data": [{k: v for k, v in data.items() if k not in {"seqId", "prevSeqId"}}]}


@pytest.mark.parametrize("market", BOOKS)
def test_a_book_without_ids_is_checked_by_its_checksums(market: str) -> None:
    messages = list(map(without_ids, recorded()[market]))
    rules, by_ids = OkxBook(), OkxBook()
    for message, numbered in zip(messages, recorded()[market], strict=True):
        assert take(rules, message) is None
        take(by_ids, numbered)
        assert (rules.synced, rules.needs_snapshot) == (True, False)
        assert rules.last_id == rules.timestamp == int(message["data"][0]["ts"])
        assert rules.book.bids.top(20) == by_ids.book.bids.top(20)
        assert rules.book.asks.top(20) == by_ids.book.asks.top(20)


@pytest.mark.parametrize("market", BOOKS)
def test_a_published_book_without_ids_is_the_true_one_whatever_is_lost_or_altered(
    market: str,
) -> None:
    messages = list(map(without_ids, recorded()[market]))
    true: dict[int, list[Any]] = {}
    rules = OkxBook()
    for message in messages:
        take(rules, message)
        true.setdefault(int(message["data"][0]["ts"]), []).append(
            (rules.book.bids.top(20), rules.book.asks.top(20))
        )
    for at in range(1, len(messages) - 1, 3):
        rows = messages[at]["data"][0]["bids"]
        altered = [[row[0], "9.75", *row[2:]] for row in rows[:1]] + rows[1:]
        data = {**messages[at]["data"][0], "bids": altered}
        for middle in ([], [{**messages[at], "data": [data]}]):
            rules = OkxBook()
            for message in [*messages[:at], *middle, *messages[at + 1 :]]:
                take(rules, message)
                if rules.synced:
                    book = rules.book.bids.top(20), rules.book.asks.top(20)
                    assert book in true[int(message["data"][0]["ts"])]


def test_a_stream_may_go_from_checksums_to_ids_with_a_snapshot() -> None:
    rules = OkxBook()
    assert take(rules, without_ids(update(1, 2))) is None
    assert rules.needs_snapshot
    assert take(rules, SNAPSHOT) is None
    assert take(rules, update(123456, 123457)) is None
    assert (rules.synced, rules.last_id, rules.needs_snapshot) == (True, 123457, False)


FAULTS = ("none", "none", "none", "lose", "double", "swap", "again", "ids", "snapshot")
CHANGES = st.dictionaries(st.integers(1, 6), st.integers(0, 3), max_size=3)
STEPS = st.lists(st.tuples(st.sampled_from(FAULTS), CHANGES, CHANGES, st.booleans()), max_size=30)


class Exchange:
    """The true book, by id, and the messages that lead from one to the next."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {1.0: 1.0}
        self.asks: dict[float, float] = {20.0: 1.0}
        self.seq_id = 1000
        self.books: dict[int, tuple[list[Level], list[Level]]] = {}
        self._keep()

    def changed(self, bids: dict[int, int], asks: dict[int, int], seq_id: int) -> dict[str, Any]:
        before, self.seq_id = self.seq_id, seq_id
        asks = {price + 10: size for price, size in asks.items()}
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, size in changes.items():
                side[float(price)] = float(size)
                if not size:
                    del side[float(price)]
        self._keep()
        return update(before, seq_id, self._rows(bids.items()), self._rows(asks.items()))

    def snapshot(self) -> dict[str, Any]:
        bids, asks = map(self._rows, self.books[self.seq_id])
        message = update(-1, self.seq_id, bids, asks)
        return {**message, "action": "snapshot"}

    def _keep(self) -> None:
        books = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        self.books[self.seq_id] = books

    @staticmethod
    def _rows(levels: Any) -> list[list[str]]:
        return [[str(price), str(size), "0", "1"] for price, size in levels]


@given(STEPS)
def test_a_book_of_a_faulty_stream_is_the_true_one_or_unverified(
    steps: list[tuple[str, dict[int, int], dict[int, int], bool]],
) -> None:
    """Messages are lost, doubled, swapped, sent again; ids fall and rise; a snapshot comes."""
    exchange = Exchange()
    sent, received = [], [exchange.snapshot()]
    for number, (fault, bids, asks, falls) in enumerate(steps):
        seq_id = exchange.seq_id + 1
        if fault == "ids":  # no id is used twice
            seq_id = 20 * number + 1 if falls else max(exchange.books) + 1000
        message = exchange.changed(bids, asks, seq_id)
        sent.append(message)
        received += [message] * {"lose": 0, "double": 2}.get(fault, 1)
        if fault == "swap":
            received[-2:] = reversed(received[-2:])
        elif fault == "again":
            received.append(sent[number // 2])
        elif fault == "snapshot":
            received.append(exchange.snapshot())
    rules = OkxBook()
    for message in received:
        take(rules, message)
        if rules.synced:
            assert rules.last_id is not None
            book = rules.book.bids.top(99), rules.book.asks.top(99)
            assert book == exchange.books[rules.last_id]

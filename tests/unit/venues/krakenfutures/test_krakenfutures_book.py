"""Kraken Futures' books: numbered updates, on the recording and on faults by chance."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from faulty_stream import Sides, play, steps
from hypothesis import given, settings
from venue_recordings import received

from feedd.books.depth import Snapshot
from feedd.books.streamed import StreamedBook
from feedd.venues.krakenfutures import control
from feedd.venues.krakenfutures.book import to_depth

SNAPSHOT = {
    "feed": "book_snapshot", "product_id": "PI_XBTUSD", "timestamp": 1612269825817,
    "seq": 326072249, "tickSize": None, "bids": [{"price": 34892.5, "qty": 6385}],
    "asks": [{"price": 34911.5, "qty": 20598}],
}  # fmt: skip
UPDATE = {
    "feed": "book", "product_id": "PI_XBTUSD", "side": "sell", "seq": 326072250, "price": 34981,
    "qty": 7, "timestamp": 1612269953629,
}  # fmt: skip


def take(rules: StreamedBook, message: Any) -> Any:
    depth = to_depth(message)
    return rules.on_snapshot(depth) if isinstance(depth, Snapshot) else rules.on_update(depth)


def test_an_update_follows_the_snapshot_by_its_number() -> None:
    rules = StreamedBook()
    assert [take(rules, SNAPSHOT), take(rules, UPDATE)] == [None, None]
    assert rules.book.asks.top(3) == [(34911.5, 20598.0), (34981.0, 7.0)]
    assert (rules.last_id, rules.timestamp) == (326072250, 1612269953629)


@pytest.mark.parametrize(
    "changed",
    [{"side": "both"}, {"seq": None}, {"price": 0}, {"qty": -1}, {"qty": "many"}, {"price": None}],
)
def test_an_altered_update_is_rejected(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        to_depth({**UPDATE, **changed})


def test_the_recorded_updates_follow_each_other_and_one_lost_is_one_gap() -> None:
    rules: dict[str, StreamedBook] = {}
    lossy: dict[str, StreamedBook] = {}
    seen: Counter[str] = Counter()
    gaps: Counter[str] = Counter()
    for _, message in received("venues/kraken_futures.jsonl.zst"):
        if control.channel_of(message) != "book":
            continue
        product = message["product_id"]
        seen[product] += 1
        assert take(rules.setdefault(product, StreamedBook()), message) is None
        if seen[product] != 40:
            gaps[product] += take(lossy.setdefault(product, StreamedBook()), message) is not None
    assert sum(seen.values()) == 7024
    assert all(one.synced and not one.needs_snapshot for one in rules.values())
    assert all(gaps[product] == 1 for product, count in seen.items() if count > 40)
    assert not any(one.synced for product, one in lossy.items() if gaps[product])


class Futures:
    """Messages of one level each; the market's numbers count every one of them."""

    def __init__(self) -> None:
        self._seq = 0
        self.seqs: dict[int, int] = {}  # of the last message of a change

    def snapshot(self, last: int, book: Sides) -> list[Any]:
        bids, asks = ([{"price": p, "qty": q} for p, q in side.items()] for side in book)
        self.seqs[last] = self._seq
        return [{**SNAPSHOT, "seq": self._seq, "bids": bids, "asks": asks}]

    def update(self, _before: int, last: int, changed: Sides, _book: Sides) -> list[Any]:
        ((side, price, size),) = [
            (side, price, size)
            for side, levels in zip(("buy", "sell"), changed, strict=True)
            for price, size in levels.items()
        ]
        self._seq += 1
        self.seqs[last] = self._seq
        return [{**UPDATE, "side": side, "price": price, "qty": size, "seq": self._seq}]

    def altered(self, messages: list[Any]) -> list[Any]:
        raise NotImplementedError


@settings(max_examples=200, deadline=None)
@given(steps(faults=("lose", "double", "swap", "reset")))
def test_a_synced_book_is_the_true_one_whatever_the_stream_loses(chosen: Any) -> None:
    single = [step._replace(changes=step.changes[:1]) for step in chosen]
    codec = Futures()
    assert play(single, codec, StreamedBook(), to_depth, lambda last: codec.seqs.get(last, 0))

"""Kraken's books: the documents' checksum, the recording in today's form, and its faults."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import pytest
from conftest import real_recording
from hypothesis import given, settings
from hypothesis import strategies as st

from feedd.books.checksum import MISMATCH, ChecksumBook
from feedd.books.depth import Snapshot
from feedd.books.levels import Level
from feedd.embedded.played.recording import PlayedRecording
from feedd.venues.kraken import book
from feedd.venues.kraken.played import KrakenPlayer
from feedd.venues.kraken.venue import VENUE
from feedd.venues.played import MarketState, Session, Subscription

BIDS = """45283.5 0.10000000,45283.4 1.54582015,45282.1 0.10000000,45281.0 0.10000000,
45280.3 1.54592586,45279.0 0.07990000,45277.6 0.03310103,45277.5 0.30000000,
45277.3 1.54602737,45276.6 0.15445238"""
ASKS = """45285.2 0.00100000,45286.4 1.54571953,45286.6 1.54571109,45289.6 1.54560911,
45290.2 0.15890660,45291.8 1.54553491,45294.7 0.04454749,45296.1 0.35380000,
45297.5 0.09945542,45299.5 0.18772827"""


def rows(texts: str) -> str:
    pairs = [one.split() for one in texts.replace("\n", "").split(",")]
    return "[" + ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in pairs) + "]"


def documented(bids: str = BIDS, kind: str = "snapshot") -> str:
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":{rows(bids)},'
        f'"asks":{rows(ASKS)},"checksum":3310070434}}]}}'
    )


def take(rules: ChecksumBook, text: str) -> Any:
    depth = book.to_depth(text)
    return rules.on_snapshot(depth) if isinstance(depth, Snapshot) else rules.on_update(depth)


def test_the_checksum_of_the_documents_is_right() -> None:
    rules = book.rules(10)
    assert take(rules, documented()) is None
    assert rules.book.bids.top(1) == [(45283.5, 0.1)]


def test_a_number_with_an_exponent_has_the_digits_of_its_decimals() -> None:
    assert take(book.rules(10), documented(BIDS.replace("0.03310103", "3310103e-8"))) is None


@pytest.mark.parametrize("altered", ["0.10000001", "2.10000000"])
def test_an_altered_size_is_found(altered: str) -> None:
    assert take(book.rules(10), documented(BIDS.replace("0.10000000", altered, 1))) == MISMATCH


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{}", documented(kind="news"), documented("45283.5 -1"), documented('45283.5 "1"'),
        documented("0 1"), documented("1e999 1"), documented("null 1"), documented()[:-1],
        '{"type":"update","data":[]}',
    ],
)  # fmt: skip
def test_a_message_that_is_not_a_book_is_rejected(text: str) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        book.to_depth(text)


def test_a_subscription_has_a_number_of_levels_that_kraken_offers() -> None:
    assert VENUE.book is not None
    assert [VENUE.book.limit(depth) for depth in (1, 10, 20, 100, 101, 500)] == [
        10, 10, 25, 100, 500, 500,
    ]  # fmt: skip


Top = tuple[list[Level], list[Level]]


class Sent(NamedTuple):
    """A message of the stream, and the true best ten levels after it."""

    text: str
    best: Top


@cache
def messages(symbol: str, depth: int) -> list[Sent]:
    """Return the recorded book of a symbol in today's messages."""
    recording = PlayedRecording(real_recording("venues/kraken.jsonl.zst"))
    market = recording.market(symbol)
    state = MarketState(market)
    player, session = KrakenPlayer({market.id: state}), Session("/v2", {})
    asked = {"channel": "book", "symbol": [market.id], "depth": depth}
    (ask,) = player.asks({"method": "subscribe", "params": asked, "req_id": 1}, session)
    subscription = Subscription(ask, session)
    sent = []
    for batch in recording.batches(market.id):
        for event in map(state.apply, batch.events):
            if type(event).__name__ != "Depth":
                continue
            best: Any = tuple(
                [(float(price), float(size)) for price, size in side]
                for side in (state.book.bids(10), state.book.asks(10))
            )
            sent += [
                Sent(str(player.encode(made)), best)
                for made in player.messages([event], subscription, state)
            ]
    return sent


def best_of(rules: ChecksumBook) -> Top:
    return rules.book.bids.top(10), rules.book.asks.top(10)


@pytest.mark.parametrize("depth", [10, 20])
@pytest.mark.parametrize("symbol", ["XMR/USD", "SC/EUR", "BTC/CHF", "ADA/BTC", "GRT/ETH"])
def test_every_recorded_book_is_right(symbol: str, depth: int) -> None:
    assert VENUE.book is not None
    rules = book.rules(depth)
    sent = messages(symbol, VENUE.book.limit(depth) or 0)
    for text, best in sent:
        assert take(rules, text) is None
        assert best_of(rules) == best
    assert len(sent) > 15


def test_one_lost_message_is_one_gap_and_no_wrong_book_follows() -> None:
    sent = messages("SC/EUR", 10)
    found = 0
    for lost in range(50, len(sent) - 50, 35):
        rules, gaps = book.rules(10), 0
        for text, best in sent[:lost] + sent[lost + 1 :]:
            gaps += take(rules, text) is not None
            assert not rules.synced or best_of(rules) == best
        assert gaps <= 1  # none: the next message had the same levels
        found += gaps
    assert found > 10


faults = st.sampled_from(["none"] * 8 + ["lose", "double", "swap", "alter", "renew"])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_book_that_may_be_published_was_true(data: st.DataObject) -> None:
    """Each message of the recording meets a fault by chance, from a chosen message on."""
    sent = messages("XMR/USD", 25)
    true = [one.best for one in sent]
    count = data.draw(st.integers(2, 60))
    chosen = data.draw(st.lists(faults, min_size=count, max_size=count))
    rules, held = book.rules(20), ""
    take(rules, sent[0].text)
    for (text, best), fault in zip(sent[1:], chosen, strict=False):
        texts = [text]
        if fault == "lose":
            texts = []
        elif fault == "double":
            texts = [text, text]
        elif fault == "swap" and not held:
            held, texts = text, []
        elif fault == "alter":
            texts = [text.replace('"qty":', '"qty":1', 1)]
        if held and texts:
            texts.append(held)
            held = ""
        for one in texts:
            take(rules, one)
            assert not rules.synced or best_of(rules) in true
        if rules.needs_snapshot or fault == "renew":
            rules.reset()
            renewed = renewal(best)
            assert take(rules, renewed) is None
            held = ""


def renewal(best: Top) -> str:
    """Return a snapshot of the best ten levels: enough to check that it replaces the book."""
    digits, sides = [], []
    for side in best:
        texts = [(f"{price:.2f}", f"{size:.8f}") for price, size in side]
        digits.append(["".join(one.replace(".", "").lstrip("0") for one in pair) for pair in texts])
        sides.append(rows(",".join(" ".join(pair) for pair in texts)))
    return (
        '{"channel":"book","type":"snapshot","data":[{"symbol":"XMR/USD",'
        f'"bids":{sides[0]},"asks":{sides[1]},"checksum":{book.checksum(*digits)}}}]}}'
    )

"""The audit of venues that are played from a recording."""

from __future__ import annotations

from typing import Any

import pytest
from handmade_logs import Line, audited, seen, sent
from msgspec import json

from feedd.embedded.played.session import truth_data
from feedd.venues.played import Depth, Event, Quote, Ticker, Trade

FEED = "okx.BTC/USDT."


def line(channel: str, s: float, *events: Event) -> Line:
    return sent(f"okx:{channel}.BTC/USDT", json.decode(truth_data(events)), s)


def trade(id_: str, price: str = "5.50") -> Trade:
    return Trade("BTC-USDT", 7, id_, price, "2", "buy", raw={"left": "out"})


def trade_seen(id_: Any, seq: int, s: float, price: float = 5.5) -> Line:
    return seen(f"trade.{FEED}", seq, s, id=id_, timestamp=7, price=price, size=2.0, side="buy")


def depth(
    last: int, time_ms: int, bids: tuple[tuple[str, str], ...], *, whole: bool = False
) -> Depth:
    return Depth("BTC-USDT", time_ms, bids, (), whole=whole, before=last - 1, last=last)


def book_seen(seq: int, id_: int | None, time_ms: int, *bids: tuple[float, float]) -> Line:
    return seen(
        f"book.{FEED}",
        seq,
        seq,
        symbol="BTC/USDT",
        id=id_,
        timestamp=time_ms,
        bids=list(bids),
        asks=[],
    )


def counts(truth: list[Line], recorded: list[Line]) -> tuple[int, ...]:
    found = [finding.counts for finding in audited(truth, recorded).values()]
    return tuple(
        sum(getattr(one, name) for one in found)
        for name in ("wrong", "missing", "unknown", "twice")
    )


@pytest.mark.parametrize("id_", ["12", 12])
def test_a_trade_is_known_by_its_id_as_text_or_number(id_: Any) -> None:
    truth = [line("trade", 1, trade("11"), trade("12"))]
    assert counts(truth, [trade_seen("11", 1, 2), trade_seen(id_, 2, 2)]) == (0, 0, 0, 0)


def test_a_missing_a_changed_and_an_invented_trade_are_breaches() -> None:
    truth = [line("trade", 1, *map(trade, ("11", "12", "13")))]
    assert counts(truth, [trade_seen(11, 1, 2), trade_seen(13, 2, 2)]) == (0, 1, 0, 0)
    assert counts(truth, [trade_seen(11, 1, 2, price=6.0)])[0] == 1
    assert counts(truth, [trade_seen(99, 1, 2)])[2] == 1


@pytest.mark.parametrize("has_id", [True, False])
def test_a_book_is_compared_level_by_level_by_its_id_or_its_time(has_id: bool) -> None:
    truth = [
        line("book", 1, depth(20, 100, (("5", "1"), ("4", "1")), whole=True)),
        line("book", 2, depth(21, 100, (("5", "0"),))),
        line("book", 3, depth(22, 101, (("3", "2"),))),
    ]
    ids = [20, 21, 22] if has_id else [None] * 3
    right = [
        book_seen(1, ids[0], 100, (5.0, 1.0), (4.0, 1.0)), book_seen(2, ids[1], 100, (4.0, 1.0)),
        book_seen(3, ids[2], 101, (4.0, 1.0), (3.0, 2.0)),
    ]  # fmt: skip
    assert counts(truth, right) == (0, 0, 0, 0)
    assert counts(truth, [*right[:2], book_seen(3, ids[2], 101, (4.0, 2.0))])[0] == 1


def test_a_quote_in_a_tickers_message_is_an_event_of_its_own() -> None:
    quote = Quote("BTC-USDT", 7, "4", "1", "5", None)
    truth = [line("ticker", 1, Ticker("BTC-USDT", 7, "4.50", change_percent="0.12345678"), quote)]
    values = {"bid": 4.0, "bid_size": 1.0, "ask": 5.0, "ask_size": None}
    ticker = {"last": 4.5, "volume": None, "high": None, "low": None, "change_percent": 0.12345679}
    recorded = [
        seen(f"quote.{FEED}", 1, 2, symbol="BTC/USDT", timestamp=7, **values),
        seen(f"ticker.{FEED}", 1, 2, timestamp=7, **ticker),
    ]
    assert counts(truth, recorded) == (0, 0, 0, 0)
    recorded[0]["payload"]["bid"] = 3.0
    assert counts(truth, recorded) == (1, 0, 0, 0)


def test_a_book_whose_published_id_is_its_connections_is_known_by_its_time() -> None:
    truth = [line("book", 1, depth(20, 100, (("5", "1"),), whole=True))]
    assert counts(truth, [book_seen(1, 7, 100, (5.0, 1.0))]) == (0, 0, 0, 0)
    assert counts(truth, [book_seen(1, 7, 100, (5.0, 2.0))]) == (1, 0, 0, 0)


def test_a_quote_that_is_sent_again_after_a_reconnect_is_the_same_one() -> None:
    quote = Quote("BTC-USDT", 7, "4", "1", "5", "2")
    truth = [line("quote", 1, quote), line("quote", 2, quote)]
    again = [
        seen(f"quote.{FEED}", seq, 2, session, symbol="BTC/USDT", timestamp=7, bid=4.0,
             bid_size=1.0, ask=5.0, ask_size=2.0)
        for seq, session in ((1, 1), (1, 2))
    ]  # fmt: skip
    found = counts(truth, again)
    assert (found[0], found[2], found[3]) == (0, 0, 0)


def test_a_quote_that_a_reconnect_sends_again_in_its_session_is_the_same_one() -> None:
    truth = [line("ticker", 1, Quote("BTC-USDT", 7, "4", "1", "5", "2"))]

    def quote_seen(seq: int, size: float) -> Line:
        return seen(f"quote.{FEED}", seq, 2, symbol="BTC/USDT", timestamp=7, bid=4.0,
                    bid_size=size, ask=5.0, ask_size=2.0)  # fmt: skip

    assert counts(truth, [quote_seen(1, 1.0), quote_seen(2, 1.0)]) == (0, 0, 0, 0)
    assert counts(truth, [quote_seen(1, 1.0), quote_seen(2, 3.0)]) != (0, 0, 0, 0)


@pytest.mark.parametrize("ids", [(None, None, None), (6, 2, 3)])
def test_a_book_that_a_reconnect_sends_again_is_the_same_one(ids: tuple[int | None, ...]) -> None:
    whole = depth(20, 100, (("5", "1"),), whole=True)
    truth = [line("book", 1, whole), line("book", 2, whole), line("book", 3, depth(21, 101, ()))]

    def books(size: float) -> list[Line]:
        return [
            book_seen(1, ids[0], 100, (5.0, 1.0)), book_seen(2, ids[1], 100, (5.0, size)),
            book_seen(3, ids[2], 101, (5.0, 1.0)),
        ]  # fmt: skip

    assert counts(truth, books(1.0)) == (0, 0, 0, 0)
    assert counts(truth, books(2.0)) == (1, 0, 0, 0)


def test_quotes_with_neither_id_nor_time_are_not_audited() -> None:
    truth = [line("quote", 1, Quote("BTC-USDT", None, "4", "1", "5", "2"))]
    other = seen(f"quote.{FEED}", 1, 2, timestamp=None, bid=3.0, bid_size=1.0, ask=5.0,
                 ask_size=2.0)  # fmt: skip
    assert counts(truth, [other]) == (0, 0, 0, 0)

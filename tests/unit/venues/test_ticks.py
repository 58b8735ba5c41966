"""Events of raw values: what is missing is None, and what is impossible is rejected."""

from __future__ import annotations

from typing import Any

import pytest

from feedd.venues.ticks import (
    event_id,
    oldest_first,
    quote,
    side,
    some_price,
    ticker,
    trade,
)

AT = ("venue", "BTC/USD", 1)


def made_trade(**changed: Any) -> Any:
    given: dict[str, Any] = {
        "id": 7, "timestamp": 5, "price_": "1.5", "size_": 2, "taker": side("BUY"), **changed,
    }  # fmt: skip
    return trade(*AT, **given)


def made_quote(**changed: Any) -> Any:
    given: dict[str, Any] = {
        "id": None, "timestamp": 5, "bid": 1, "bid_size": "2", "ask": 3, "ask_size": 4, **changed,
    }  # fmt: skip
    return quote(*AT, **given)


def test_a_trade_has_the_numbers_of_its_texts() -> None:
    made = made_trade()
    assert (made.id, made.price, made.size, made.side) == (7, 1.5, 2.0, "buy")


@pytest.mark.parametrize(
    "changed",
    [{"price_": "0"}, {"price_": -1}, {"size_": 0}, {"size_": "-2"}, {"price_": "nan"},
     {"size_": "1_0"}, {"price_": True}],
)  # fmt: skip
def test_a_trade_without_a_price_or_a_size_is_rejected(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not a|no size"):
        made_trade(**changed)


@pytest.mark.parametrize("word", ["", None, "maker", 1])
def test_a_side_is_not_guessed(word: Any) -> None:
    with pytest.raises(ValueError, match="not a side"):
        side(word)


@pytest.mark.parametrize("none", [None, "", 0, "0", 0.0])
def test_a_missing_side_of_a_quote_is_none(none: Any) -> None:
    made = made_quote(bid=none, bid_size=none)
    assert (made.bid, made.bid_size, made.ask, made.ask_size) == (None, None, 3.0, 4.0)


def test_a_quote_with_a_size_at_no_price_is_rejected() -> None:
    with pytest.raises(ValueError, match="at no price"):
        made_quote(ask=None)


def test_a_price_below_zero_is_rejected() -> None:
    with pytest.raises(ValueError, match="not a price"):
        some_price("-1")


def test_a_ticker_without_trades_has_no_last_price() -> None:
    made = ticker(
        *AT, timestamp=1_626_993_723_632, last=None, volume=0, high="", low=None,
        change_percent=None, bid="1.5", ask=0,
    )  # fmt: skip
    assert (made.last, made.volume, made.high, made.low) == (None, 0.0, None, None)
    assert (made.bid, made.ask, made.spread) == (1.5, None, None)
    assert made.datetime == "2021-07-22T22:42:03.632Z"


@pytest.mark.parametrize(
    ("raw", "id_"), [("7", 7), (7, 7), ("USDC-7", "USDC-7"), ("007", "007"), (2**64, 2**64)]
)
def test_an_id_is_a_number_where_the_exchange_counts(raw: Any, id_: Any) -> None:
    assert event_id(raw) == id_


@pytest.mark.parametrize("raw", [None, "", True, 1.0, [], {}])
def test_what_is_no_id_is_rejected(raw: Any) -> None:
    with pytest.raises(ValueError, match="not an id"):
        event_id(raw)


def test_rows_of_one_time_are_turned_round_and_others_follow_their_times() -> None:
    rows = [{"t": "2", "n": 1}, {"t": "2", "n": 2}, {"t": "1", "n": 3}]
    assert [row["n"] for row in oldest_first(rows, "t")] == [3, 2, 1]
    assert [row["n"] for row in oldest_first(rows[::-1], "t")] == [3, 1, 2]
    for wrong in ("text", {"t": 1}, None):
        with pytest.raises(TypeError, match="in the place of rows"):
            oldest_first(wrong, "t")

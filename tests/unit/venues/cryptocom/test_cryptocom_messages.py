"""Crypto.com's tickers, quotes, trades and answers, from messages of its documents."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from venue_recordings import received

from feedd.venues.cryptocom import control, parsers
from feedd.venues.cryptocom.venue import VENUES
from feedd.venues.market_ids import symbols_of

SPOT = VENUES["spot"]
AT = ("cryptocom", "BTC/USD:USD", 1, "1m")
TICKER = {
    "h": "51790.00", "l": "47895.50", "a": "51174.500000", "c": "0.03955106",
    "b": "51170.000000", "bs": "0.1000", "k": "51180.000000", "ks": "0.2000",
    "i": "BTCUSD-PERP", "v": "879.5024", "vv": "26370000.12", "oi": "12345.12",
    "t": 1613580710768,
}  # fmt: skip
TRADE = {
    "d": "2030407068", "t": 1613581138462, "p": "51327.500000", "q": "0.000100", "s": "SELL",
    "i": "BTCUSD-PERP", "m": "4611686018455978480",
}  # fmt: skip
REQUEST = {"method": "subscribe", "params": {"channels": ["trade.BTCUSD-PERP"]}, "nonce": 1}


def message(channel: str, *data: Any) -> dict[str, Any]:
    result = {
        "instrument_name": "BTCUSD-PERP", "subscription": f"{channel}.BTCUSD-PERP",
        "channel": channel, "data": list(data),
    }  # fmt: skip
    return {"id": -1, "code": 0, "method": "subscribe", "result": result}


@pytest.mark.parametrize(
    ("name", "channel"),
    [("ticker", "ticker"), ("trade", "trade"), ("book", "book"), ("book.update", "book"),
     ("candlestick", "candle"), ("user.order", None), (None, None)],
)  # fmt: skip
def test_a_message_names_its_channel_and_market(name: Any, channel: str | None) -> None:
    assert control.channel_of(message(name)) == channel
    assert SPOT.market_id_of is not None
    assert SPOT.market_id_of(message(name)) == "BTCUSD-PERP"


@pytest.mark.parametrize(
    "other",
    [{"id": 1587523073344, "method": "public/heartbeat", "code": 0},
     {"id": 1, "method": "subscribe", "code": 0}, {"id": 1, "method": "unsubscribe", "code": 0},
     {"result": None}, "pong", []],
)  # fmt: skip
def test_heartbeats_and_answers_are_of_no_channel(other: Any) -> None:
    assert control.channel_of(other) is None


def test_a_book_is_subscribed_to_with_its_changes() -> None:
    asked = {"method": "subscribe", "params": {"channels": ["book.X.50"]}, "nonce": 1}
    assert control.book_request(asked)["params"] == {
        "channels": ["book.X.50"], "book_subscription_type": "SNAPSHOT_AND_UPDATE",
    }  # fmt: skip
    assert asked["params"] == {"channels": ["book.X.50"]}


def test_subscribing_again_ends_the_subscription_first() -> None:
    ends, begins = control.resubscribe(REQUEST, count(7).__next__)
    assert ends == {**REQUEST, "method": "unsubscribe", "id": 7}
    assert begins == {**REQUEST, "id": 8}


def test_a_refusal_answers_the_request_whose_channel_it_names() -> None:
    text = 'invalid channel {"channels":["trade.BTCUSD-PERP"]}'
    refusal = {"id": 0, "code": 10004, "method": "subscribe", "message": text}
    assert control.refuses(refusal, REQUEST)
    for channel in ("trade.BTCUSD-PERP2", "trade.BTCUSD", "trade.BTCUSD-PER", "book.X.50"):
        assert not control.refuses(refusal, {"params": {"channels": [channel]}})


def test_a_refusal_answers_the_request_with_its_id() -> None:
    again = {**REQUEST, "id": 8}
    assert control.refuses({"id": 8, "code": 40003, "method": "subscribe"}, again)
    assert not control.refuses({"id": 9, "code": 40003, "method": "subscribe"}, again)


@pytest.mark.parametrize(
    ("fraction", "percent"),
    [("0.03955106", 3.955106), ("-0.0022", -0.22), ("0.07", 7.0), (0.29, 29.0), ("0", 0.0),
     (None, None)],
)  # fmt: skip
def test_the_change_is_in_percent(fraction: Any, percent: float | None) -> None:
    (made,) = parsers.tickers(message("ticker", {**TICKER, "c": fraction}), *AT)
    assert made.change_percent == percent


def test_a_ticker_has_its_own_bid_and_ask_and_its_quote_the_sizes() -> None:
    (made,) = parsers.tickers(message("ticker", TICKER), *AT)
    assert (made.timestamp, made.last, made.volume) == (1613580710768, 51174.5, 879.5024)
    assert (made.high, made.low, made.bid, made.ask) == (51790.0, 47895.5, 51170.0, 51180.0)
    (quote,) = parsers.quotes(message("ticker", TICKER), *AT)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (51170.0, 0.1, 51180.0, 0.2)


def test_a_ticker_of_a_new_market_has_no_prices() -> None:
    empty = {**TICKER, **dict.fromkeys("hlacbk"), "bs": "0", "ks": None}
    (made,) = parsers.tickers(message("ticker", empty), *AT)
    assert (made.last, made.high, made.low, made.bid, made.ask) == (None,) * 5
    (quote,) = parsers.quotes(message("ticker", empty), *AT)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (None,) * 4


def test_trades_come_oldest_first_with_exact_ids() -> None:
    older = {**TRADE, "d": "4611686018455979970", "t": TRADE["t"], "s": "BUY"}
    oldest = {**TRADE, "d": "9007199254740993", "t": 1613581138461}
    made = parsers.trades(message("trade", TRADE, older, oldest), *AT)
    assert [trade.id for trade in made] == [9007199254740993, 4611686018455979970, 2030407068]
    assert [trade.side for trade in made] == ["sell", "buy", "sell"]
    assert (made[2].price, made[2].size, made[2].timestamp) == (51327.5, 0.0001, 1613581138462)


def test_every_recorded_ticker_and_trade_is_read() -> None:
    taken = {"ticker": 0, "trade": 0}
    for _, raw in received("venues/crypto.com.jsonl.zst"):
        channel = control.channel_of(raw)
        if channel == "ticker":
            (made,) = parsers.tickers(raw, *AT)
            (row,) = raw["result"]["data"]
            assert (made.bid, made.ask, made.last) == (row["b"], row["k"], row["a"])
        elif channel == "trade":
            rows = raw["result"]["data"]
            made_trades = parsers.trades(raw, *AT)
            assert [trade.id for trade in made_trades] == [row["d"] for row in reversed(rows)]
            assert [trade.price for trade in made_trades] == [row["p"] for row in reversed(rows)]
        else:
            continue
        taken[channel] += 1
    assert taken == {"ticker": 1484, "trade": 139}


@pytest.mark.parametrize(
    ("id_", "symbol"),
    [("MATIC_USDT", "MATIC/USDT"), ("BTCUSD-PERP", "BTC/USD:USD"),
     ("BTCUSD-210528m2", "BTC/USD:USD-210528")],
)  # fmt: skip
def test_an_id_has_one_symbol(id_: str, symbol: str) -> None:
    assert symbols_of("cryptocom", id_) == [symbol]

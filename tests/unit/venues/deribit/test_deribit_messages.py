"""Deribit's tickers, quotes, trades and answers, from messages of its documents."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from venue_recordings import received

from feedd.model import BackfilledTrade
from feedd.venues.deribit import control, parsers
from feedd.venues.market_ids import symbols_of

AT = ("deribit", "BTC/USD:BTC", 1, "1m")
REQUEST = {
    "jsonrpc": "2.0", "method": "public/subscribe", "id": 1,
    "params": {"channels": ["book.BTC-PERPETUAL.100ms"]},
}  # fmt: skip
TICKER = {
    "timestamp": 1623060194301, "state": "open", "last_price": 36575.5,
    "stats": {
        "volume_usd": 284061480, "volume": 7871.02139035, "price_change": 0.7229,
        "low": 35213.5, "high": 36824.5,
    },
    "instrument_name": "BTC-PERPETUAL", "best_bid_price": 36443, "best_bid_amount": 136060,
    "best_ask_price": 36443.5, "best_ask_amount": 37670,
}  # fmt: skip
TRADE = {
    "trade_seq": 30289442, "trade_id": "48079269", "timestamp": 1590484512188,
    "tick_direction": 2, "price": 8950, "mark_price": 8948.9,
    "instrument_name": "BTC-PERPETUAL", "index_price": 8955.88, "direction": "sell", "amount": 10,
}  # fmt: skip


def notification(channel: str, data: Any) -> dict[str, Any]:
    params = {"channel": channel, "data": data}
    return {"jsonrpc": "2.0", "method": "subscription", "params": params}


@pytest.mark.parametrize(
    ("name", "channel"),
    [("ticker.BTC-PERPETUAL.100ms", "ticker"), ("quote.BTC-PERPETUAL", "quote"),
     ("trades.BTC-PERPETUAL.100ms", "trade"), ("book.BTC-PERPETUAL.100ms", "book"),
     ("chart.trades.BTC-PERPETUAL.1", "candle"), ("user.portfolio.btc", None), (None, None)],
)  # fmt: skip
def test_a_channel_is_named_by_its_first_word(name: Any, channel: str | None) -> None:
    assert control.channel_of(notification(name, {})) == channel


def test_an_answer_is_of_no_channel() -> None:
    for answer in ({"id": 1, "result": ["book.BTC-PERPETUAL.100ms"]}, [], "pong", {"params": None}):
        assert control.channel_of(answer) is None


def test_a_message_names_its_instrument() -> None:
    assert control.market_id_of(notification("ticker.X.100ms", TICKER)) == "BTC-PERPETUAL"
    assert control.market_id_of(notification("trades.X.100ms", [TRADE])) == "BTC-PERPETUAL"


def test_subscribing_again_ends_the_subscription_first() -> None:
    ends, begins = control.resubscribe(REQUEST, count(7).__next__)
    assert (ends["method"], ends["id"]) == ("public/unsubscribe", 7)
    assert begins == {**REQUEST, "id": 8}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": {"message": "Invalid params", "code": -32602}},
         "refused: Invalid params (code -32602)"),
        ({"error": {"message": "Invalid params", "code": -32602,
                    "data": {"reason": "wrong format", "param": "channels"}}},
         "refused: Invalid params (wrong format) (code -32602)"),
        ({"result": []}, "refused: there is no such channel"),
        ({"result": ["book.BTC-PERPETUAL.100ms"]}, None),
    ],
)  # fmt: skip
def test_a_refusal_has_the_words_of_the_exchange(answer: Any, reason: str | None) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, **answer}
    assert control.refusal(answer) == reason
    assert control.refuses(answer, REQUEST)
    assert not control.refuses({**answer, "id": 2}, REQUEST)


def test_a_ticker_has_its_change_in_percent_and_its_own_bid_and_ask() -> None:
    (made,) = parsers.tickers(notification("ticker.X.100ms", TICKER), *AT)
    assert (made.timestamp, made.last, made.volume) == (1623060194301, 36575.5, 7871.02139035)
    assert (made.high, made.low, made.change_percent) == (36824.5, 35213.5, 0.7229)
    assert (made.bid, made.ask) == (36443.0, 36443.5)


def test_a_ticker_without_trades_or_quotes_has_none() -> None:
    data = {
        **TICKER, "best_bid_price": 0.0, "best_ask_price": None, "last_price": None,
        "stats": {"volume": None, "price_change": None, "low": None, "high": None},
    }  # fmt: skip
    (made,) = parsers.tickers(notification("ticker.X.100ms", data), *AT)
    assert (made.bid, made.ask, made.last, made.volume) == (None, None, None, None)
    assert (made.high, made.low, made.change_percent) == (None, None, None)


def test_a_ticker_without_a_change_has_none() -> None:
    stats = {"volume": 1, "low": 2, "high": 3}
    (made,) = parsers.tickers(notification("ticker.X.100ms", {**TICKER, "stats": stats}), *AT)
    assert (made.volume, made.change_percent) == (1.0, None)


def test_a_quote_is_read_whole() -> None:
    (made,) = parsers.quotes(notification("quote.X", TICKER), *AT)
    assert (made.bid, made.bid_size, made.ask, made.ask_size) == (36443.0, 136060, 36443.5, 37670)


def test_trades_come_in_the_order_of_their_numbers_with_their_own_ids() -> None:
    later = {**TRADE, "trade_seq": 30289443, "trade_id": "USDC-2436803", "direction": "buy"}
    made = parsers.trades(notification("trades.X.100ms", [later, TRADE]), *AT)
    assert [number for number, _ in made] == [30289442, 30289443]
    assert [trade.id for _, trade in made] == [48079269, "USDC-2436803"]
    assert [trade.side for _, trade in made] == ["sell", "buy"]
    assert (made[0][1].price, made[0][1].size, made[0][1].timestamp) == (8950, 10, 1590484512188)


def test_missed_trades_are_requested_from_their_number_on() -> None:
    request = parsers.trades_request("inverse", "BTC-PERPETUAL", 30289443, False)
    assert request.method == "publicGetGetLastTradesByInstrument"
    assert request.params["start_seq"] == 30289443
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"trades": [TRADE], "has_more": True}}
    (row,) = parsers.trades_of(answer)
    number, trade = parsers.requested_trade(row, *AT[:3])
    assert number == 30289442
    assert isinstance(trade, BackfilledTrade)
    assert (trade.id, trade.price, trade.side) == (48079269, 8950, "sell")


def test_every_recorded_ticker_is_read_with_the_values_of_its_message() -> None:
    taken = 0
    for _, raw in received("venues/deribit.jsonl.zst"):
        if control.channel_of(raw) != "ticker":
            continue
        (made,) = parsers.tickers(raw, *AT)
        data = raw["params"]["data"]
        assert made.bid == (data["best_bid_price"] or None)
        assert made.ask == (data["best_ask_price"] or None)
        assert made.last == data["last_price"]
        assert made.change_percent == data["stats"]["price_change"]
        taken += 1
    assert taken == 89


@pytest.mark.parametrize(
    ("id_", "symbol"),
    [("BTC-PERPETUAL", "BTC/USD:BTC"), ("BTC_USDC-PERPETUAL", "BTC/USDC:USDC"),
     ("BTC_USDC", "BTC/USDC"), ("BTC-24SEP21", "BTC/USD:BTC-210924"),
     ("BTC-7JAN22-34000-P", "BTC/USD:BTC-220107-34000-P"),
     ("XRP_USDC-30AUG24-0d6-C", "XRP/USDC:USDC-240830-0.6-C")],
)  # fmt: skip
def test_an_instrument_has_one_symbol(id_: str, symbol: str) -> None:
    assert symbols_of("deribit", id_) == [symbol]


def test_what_is_no_instrument_has_no_symbol() -> None:
    for id_ in ("BTC", "BTC-32FOO21", "btc-perpetual"):
        assert symbols_of("deribit", id_) == []

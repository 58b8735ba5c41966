"""Gate's trades, tickers, quotes and control messages, from raw messages."""

from __future__ import annotations

from typing import Any

import pytest

from feedd.model import BackfilledTrade, Quote, Ticker, Trade
from feedd.venues.gate import control, market_ids, parsers
from feedd.venues.registry import venue

WHERE = ("gate", "GT/USDT", 7, "1m")
SPOT_TRADE: dict[str, Any] = {
    "time": 1606292218, "time_ms": 1606292218231, "channel": "spot.trades", "event": "update",
    "result": {
        "id": 309143071, "id_market": 11200, "create_time": 1606292218,
        "create_time_ms": "1606292218213.4578", "side": "sell", "currency_pair": "GT_USDT",
        "amount": "16.4700000000", "price": "0.4705000000", "range": "11200-11200",
    },
}  # fmt: skip
FUTURES_TRADES: dict[str, Any] = {
    "time": 1545136464, "channel": "futures.trades", "event": "update",
    "result": [
        {
            "size": 7, "id": 27753480, "create_time": 1545136464,
            "create_time_ms": 1545136464124, "price": "96.5", "contract": "BTC_USD",
        },
        {
            "size": "-108", "id": 27753479, "create_time": 1545136464, "price": "96.4",
            "contract": "BTC_USD", "is_internal": True,
        },
    ],
}  # fmt: skip
SPOT_TICKER: dict[str, Any] = {
    "time": 1669107766, "time_ms": 1669107766406, "channel": "spot.tickers", "event": "update",
    "result": {
        "currency_pair": "BTC_USDT", "last": "15743.4", "lowest_ask": "15744.4",
        "highest_bid": "15743.5", "change_percentage": "-1.8254", "base_volume": "9110.473",
        "quote_volume": "145082083.2535", "high_24h": "16280.9", "low_24h": "15468.5",
    },
}  # fmt: skip
QUOTE: dict[str, Any] = {
    "time": 1684930165, "time_ms": 1684930165631, "channel": "futures.book_ticker",
    "event": "update",
    "result": {
        "t": 1684930165621, "u": 6159967, "s": "PHB_USDT", "b": "0.7379", "B": 814, "a": "0.739",
        "A": 677,
    },
}  # fmt: skip


def test_a_trade_of_spot_has_the_markets_number_beside_its_id() -> None:
    assert parsers.spot_trades(SPOT_TRADE, *WHERE) == [
        (
            11200,
            Trade("GT/USDT", 1606292218213, 0.4705, 16.47, "sell", "gate", 7, id=309143071),
        )
    ]


def test_a_trade_of_spot_without_the_markets_number_is_read() -> None:
    result = {key: value for key, value in SPOT_TRADE["result"].items() if key != "id_market"}
    [(number, trade)] = parsers.spot_trades({**SPOT_TRADE, "result": result}, *WHERE)
    assert trade is not None
    assert (number, trade.id) == (None, 309143071)


def test_a_requested_trade_equals_the_streams() -> None:
    row = {**SPOT_TRADE["result"], "id": "309143071", "sequence_id": "11200"}
    number, trade = parsers.spot_rest_trade(row, *WHERE[:3])
    [(streamed_number, streamed)] = parsers.spot_trades(SPOT_TRADE, *WHERE)
    assert isinstance(trade, BackfilledTrade)
    assert streamed is not None
    assert (number, trade.id, trade.timestamp, trade.price, trade.size, trade.side) == (
        streamed_number, streamed.id, streamed.timestamp, streamed.price, streamed.size,
        streamed.side,
    )  # fmt: skip


def test_trades_of_futures_are_oldest_first_and_the_sign_is_the_takers_side() -> None:
    assert parsers.futures_trades(FUTURES_TRADES, *WHERE) == [
        (27753479, Trade("GT/USDT", 1545136464000, 96.4, 108.0, "sell", "gate", 7, id=27753479)),
        (27753480, Trade("GT/USDT", 1545136464124, 96.5, 7.0, "buy", "gate", 7, id=27753480)),
    ]


def test_a_requested_trade_of_futures_has_its_time_in_s() -> None:
    row = {
        "id": 842236400, "contract": "BTC_USDT", "create_time": 1790359375.258,
        "create_time_ms": 1790359375.258, "size": -9, "price": "83775.5",
    }  # fmt: skip
    number, trade = parsers.futures_rest_trade(row, *WHERE[:3])
    assert (number, trade.id, trade.timestamp, trade.size, trade.side) == (
        842236400, 842236400, 1790359375258, 9.0, "sell"
    )  # fmt: skip


def test_missed_trades_are_requested_where_the_market_is_listed() -> None:
    for market_type, market_id, method in (
        ("spot", "BTC_USDT", "publicSpotGetTrades"),
        ("linear", "BTC_USDT", "publicFuturesGetSettleTrades"),
        ("linear", "BTC_USDT_20260327", "publicDeliveryGetSettleTrades"),
    ):
        request = parsers.trades_request(market_type, market_id, 5, False)  # type: ignore[arg-type]
        assert (request.method, request.params["limit"]) == (method, 1000)


def test_a_message_that_stands_for_several_numbers_takes_them_all_up() -> None:
    result = {**SPOT_TRADE["result"], "range": "11198-11200"}
    numbers = [
        (number, trade and trade.id)
        for number, trade in parsers.spot_trades({**SPOT_TRADE, "result": result}, *WHERE)
    ]
    assert numbers == [(11198, None), (11199, None), (11200, 309143071)]
    for broken in ("11201-11202", "x", "1-11200", "11200"):
        with pytest.raises(ValueError, match=r"\w"):
            parsers.spot_trades({**SPOT_TRADE, "result": {**result, "range": broken}}, *WHERE)


@pytest.mark.parametrize(
    "damage",
    [{"amount": "0"}, {"price": "0"}, {"side": "?"}, {"create_time_ms": "x"}],
)
def test_a_malformed_trade_is_rejected(damage: dict[str, Any]) -> None:
    broken = {**SPOT_TRADE, "result": {**SPOT_TRADE["result"], **damage}}
    with pytest.raises((ValueError, TypeError, LookupError, ArithmeticError)):
        parsers.spot_trades(broken, *WHERE)


def test_a_ticker_of_spot_has_the_time_of_its_message_and_its_own_bid_and_ask() -> None:
    assert parsers.tickers(SPOT_TICKER, *WHERE) == [
        Ticker(
            "GT/USDT", 1669107766406, "2022-11-22T09:02:46.406Z", 15743.5, 15744.4, 15743.4,
            9110.473, 16280.9, 15468.5, -1.8254, None, "none", "gate", 7,
        )
    ]  # fmt: skip
    without = {key: value for key, value in SPOT_TICKER.items() if key != "time_ms"}
    assert parsers.tickers(without, *WHERE)[0].timestamp == 1669107766000


def test_a_ticker_of_futures_counts_its_volume_in_base_currency() -> None:
    row = {
        "contract": "BTC_USD", "last": "118.4", "change_percentage": "0.77",
        "volume_24h": "745487577", "volume_24h_base": "5526", "low_24h": "99.2",
        "high_24h": "132.5",
    }  # fmt: skip
    message = {"time": 1, "time_ms": 1541659086123, "channel": "futures.tickers", "result": [row]}
    [ticker] = parsers.tickers(message, *WHERE)
    assert (ticker.volume, ticker.change_percent, ticker.bid, ticker.ask) == (
        5526,
        0.77,
        None,
        None,
    )
    untraded = {**message, "result": [{**row, "volume_24h_base": "nan", "change_percentage": ""}]}
    [ticker] = parsers.tickers(untraded, *WHERE)
    assert (ticker.volume, ticker.change_percent) == (0.0, None)


def test_a_quote_has_the_books_id_and_an_empty_side_is_none() -> None:
    assert parsers.quotes(QUOTE, *WHERE) == [
        Quote("GT/USDT", 1684930165621, 0.7379, 814.0, 0.739, 677.0, "gate", 7, id=6159967)
    ]
    empty = {**QUOTE, "result": {**QUOTE["result"], "b": "", "B": 0}}
    [quote] = parsers.quotes(empty, *WHERE)
    assert (quote.bid, quote.bid_size, quote.ask) == (None, None, 0.739)


def test_an_answer_to_a_subscription_is_no_event() -> None:
    assert control.channel_of(SPOT_TRADE) == "trade"
    assert control.channel_of(FUTURES_TRADES) == "trade"
    assert control.channel_of(SPOT_TICKER) == "ticker"
    assert control.channel_of(QUOTE) == "quote"
    assert control.channel_of({**SPOT_TRADE, "event": "subscribe"}) is None
    assert control.channel_of({"channel": "spot.pong", "event": ""}) is None
    assert control.channel_of([]) is None


def test_the_market_of_every_message_is_found() -> None:
    found = [control.market_id_of(one) for one in (SPOT_TRADE, FUTURES_TRADES, SPOT_TICKER, QUOTE)]
    assert found == ["GT_USDT", "BTC_USD", "BTC_USDT", "PHB_USDT"]
    assert control.market_id_of({"result": {"s": "ob.XRP_USDT.50"}}) == "XRP_USDT"
    assert control.market_id_of({"result": []}) is None


def test_a_subscription_is_ended_and_begun_again() -> None:
    request = {
        "id": 3, "time": 5, "channel": "spot.obu", "event": "subscribe",
        "payload": ["ob.BTC_USDT.50"],
    }  # fmt: skip
    ids = iter((11, 12))
    ended, begun = control.resubscribe(request, lambda: next(ids))
    assert (ended["event"], ended["id"]) == ("unsubscribe", 11)
    assert (begun["event"], begun["id"]) == ("subscribe", 12)
    assert ended["payload"] == begun["payload"] == ["ob.BTC_USDT.50"]
    assert begun["time"] > request["time"]


def test_a_refusal_is_that_of_the_request_with_its_id_or_its_payload() -> None:
    request = {"id": 3, "channel": "spot.trades", "event": "subscribe", "payload": ["X_USDT"]}
    error = {"error": {"code": 2, "message": "unknown currency pair: X_USDT"}}
    assert control.refuses({**error, "id": 3}, request)
    assert not control.refuses({**error, "id": 4}, request)
    assert control.refuses({**request, **error, "id": None}, request)
    assert not control.refuses({**request, **error, "id": None, "payload": ["Y_USDT"]}, request)
    assert not control.refuses({"id": 3, "error": None, "result": {"status": "success"}}, request)


def test_an_id_means_a_market_of_each_type_that_has_it() -> None:
    assert market_ids.symbols("gate", "BTC_USDT") == ["BTC/USDT", "BTC/USDT:USDT"]
    assert market_ids.symbols("gate", "BTC_USD", "inverse") == ["BTC/USD:BTC"]
    assert market_ids.symbols("gate", "BTC_USDT_20260327") == ["BTC/USDT:USDT-260327"]
    assert market_ids.symbols("gate", "BTC-USDT") == []


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
def test_the_word_for_the_state_of_a_market_is_the_venues(symbol: str) -> None:
    entries = venue("gate", symbol).entries
    assert entries is not None
    assert entries.id({"id": "A_B"}) == entries.id({"name": "A_B"}) == "A_B"
    assert entries.status({"id": "A_B", "trade_status": "untradable"}) == "untradable"
    assert entries.status({"name": "A_B", "in_delisting": True}) == "in_delisting"
    assert entries.fault([]) == "it has neither id nor name"

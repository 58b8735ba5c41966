"""KuCoin's trades, tickers, quotes and control messages, from raw messages."""

from __future__ import annotations

from typing import Any

import pytest

from feedd.model import Quote, Ticker, Trade
from feedd.venues.kucoin import control, market_ids, parsers
from feedd.venues.registry import venue

WHERE = ("kucoin", "BTC/USDT", 7, "1m")
TRADE: dict[str, Any] = {
    "topic": "/market/match:BTC-USDT", "type": "message", "subject": "trade.l3match",
    "data": {
        "makerOrderId": "671b5007389355000701b1d3", "price": "67523", "sequence": "11067996711",
        "side": "buy", "size": "0.003", "symbol": "BTC-USDT",
        "takerOrderId": "671b50161777ff00074c168d", "time": "1729843222921000000",
        "tradeId": "11067996711960577", "type": "match",
    },
}  # fmt: skip
FUTURES_TRADE: dict[str, Any] = {
    "topic": "/contractMarket/execution:XBTUSDTM", "type": "message", "subject": "match",
    "data": {
        "symbol": "XBTUSDTM", "sequence": 1794100537695, "side": "sell", "size": 2,
        "price": "90503.9", "tradeId": "1794100537695", "ts": 1731898619520000000,
    },
}  # fmt: skip
SNAPSHOT: dict[str, Any] = {
    "topic": "/market/snapshot:KCS-BTC", "type": "message", "subject": "trade.snapshot",
    "data": {
        "sequence": "1545896669291",
        "data": {
            "symbol": "KCS-BTC", "buy": 0.00011, "sell": 0.00012, "datetime": 1548388122031,
            "high": 0.00013, "vol": 27514.34842, "low": 0.0001, "changeRate": -0.0769,
            "lastTradedPrice": 0.00012,
        },
    },
}  # fmt: skip
LAST_TRADE: dict[str, Any] = {
    "topic": "/market/ticker:BTC-USDT", "type": "message", "subject": "trade.ticker",
    "data": {
        "bestAsk": "62163", "bestAskSize": "0.99011388", "bestBid": "62162.9",
        "bestBidSize": "0.04794181", "price": "62162.9", "sequence": "1621383371852",
        "size": "0.00832274", "time": 1634641987564,
    },
}  # fmt: skip
QUOTE: dict[str, Any] = {
    "topic": "/spotMarket/level1:BTC-USDT", "type": "message", "subject": "level1",
    "data": {
        "asks": ["68145.8", "0.51987471"], "bids": ["68145.7", "1.29267802"],
        "timestamp": 1729816058766,
    },
}  # fmt: skip
FUTURES_QUOTE: dict[str, Any] = {
    "topic": "/contractMarket/tickerV2:XBTUSDTM", "type": "message", "subject": "tickerV2",
    "data": {
        "symbol": "XBTUSDTM", "sequence": 1719834000000, "bestBidSize": 713,
        "bestBidPrice": "90503.8", "bestAskPrice": "90503.9", "bestAskSize": 2339,
        "ts": 1731898619520000000,
    },
}  # fmt: skip


def test_a_trade_has_the_takers_side_and_its_time_in_ms() -> None:
    assert parsers.trades(TRADE, *WHERE) == [
        Trade(
            "BTC/USDT", 1729843222921, 67523.0, 0.003, "buy", "kucoin", 7, id=11067996711960577
        )
    ]  # fmt: skip
    assert parsers.trades(FUTURES_TRADE, *WHERE) == [
        Trade("BTC/USDT", 1731898619520, 90503.9, 2.0, "sell", "kucoin", 7, id=1794100537695)
    ]


def test_an_id_of_letters_and_digits_is_text() -> None:
    old = {**TRADE, "data": {**TRADE["data"], "tradeId": "6085c09769bc506996295e36"}}
    assert parsers.trades(old, *WHERE)[0].id == "6085c09769bc506996295e36"


@pytest.mark.parametrize("damage", [{"price": "0"}, {"size": "x"}, {"side": ""}, {"time": None}])
def test_a_malformed_trade_is_rejected(damage: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        parsers.trades({**TRADE, "data": {**TRADE["data"], **damage}}, *WHERE)


def test_a_tickers_change_is_in_percent() -> None:
    assert parsers.spot_tickers(SNAPSHOT, *WHERE) == [
        Ticker(
            "BTC/USDT", 1548388122031, "2019-01-25T03:48:42.031Z", 0.00011, 0.00012, 0.00012,
            27514.34842, 0.00013, 0.0001, -7.69, None, "none", "kucoin", 7,
        )
    ]  # fmt: skip


def test_the_ticker_of_the_last_trade_has_no_summary() -> None:
    [ticker] = parsers.spot_tickers(LAST_TRADE, *WHERE)
    assert (ticker.bid, ticker.ask, ticker.last) == (62162.9, 62163.0, 62162.9)
    assert (ticker.timestamp, ticker.volume, ticker.change_percent) == (1634641987564, None, None)


def test_the_ticker_of_futures_has_the_last_price_and_the_best_bid_and_ask() -> None:
    data = {**FUTURES_QUOTE["data"], "price": "90503.9", "size": 2, "tradeId": "1719834000000"}
    [ticker] = parsers.futures_tickers({"data": data}, *WHERE)
    assert (ticker.bid, ticker.ask, ticker.last) == (90503.8, 90503.9, 90503.9)
    assert ticker.timestamp == 1731898619520


def test_a_quote_has_the_best_bid_and_ask_and_an_empty_side_is_none() -> None:
    assert parsers.spot_quotes(QUOTE, *WHERE) == [
        Quote("BTC/USDT", 1729816058766, 68145.7, 1.29267802, 68145.8, 0.51987471, "kucoin", 7)
    ]
    [quote] = parsers.spot_quotes({"data": {**QUOTE["data"], "bids": []}}, *WHERE)
    assert (quote.bid, quote.bid_size, quote.ask) == (None, None, 68145.8)
    assert parsers.futures_quotes(FUTURES_QUOTE, *WHERE) == [
        Quote(
            "BTC/USDT", 1731898619520, 90503.8, 713.0, 90503.9, 2339.0, "kucoin", 7,
            id=1719834000000,
        )
    ]  # fmt: skip


def test_every_topic_is_of_its_channel_and_market() -> None:
    messages = (TRADE, FUTURES_TRADE, SNAPSHOT, LAST_TRADE, QUOTE, FUTURES_QUOTE)
    assert [control.channel_of(one) for one in messages] == [
        "trade", "trade", "ticker", "ticker", "quote", "quote"
    ]  # fmt: skip
    assert [control.market_id_of(one) for one in messages] == [
        "BTC-USDT", "XBTUSDTM", "KCS-BTC", "BTC-USDT", "BTC-USDT", "XBTUSDTM"
    ]  # fmt: skip
    for other in ({"id": "1", "type": "ack"}, {"topic": "/account/balance", "type": "message"}, ""):
        assert control.channel_of(other) is None


def test_a_refusal_is_that_of_the_request_with_its_id() -> None:
    error = {"id": "1", "type": "error", "code": 404, "data": "topic /market/match:X is not found"}
    assert control.refusal(error) == "refused: topic /market/match:X is not found (code 404)"
    assert control.refuses(error, {"id": "1"})
    assert not control.refuses(error, {"id": "2"})
    for other in ({"id": "1", "type": "ack"}, {"id": "x", "type": "welcome"}, TRADE):
        assert control.refusal(other) is None
        assert not control.refuses(other, {"id": "1"})


def test_a_subscription_is_ended_and_begun_again() -> None:
    request = {"id": "1", "type": "subscribe", "topic": "/market/level2:A-B", "response": True}
    ids = iter((11, 12))
    assert control.resubscribe(request, lambda: next(ids)) == [
        {**request, "id": "11", "type": "unsubscribe"},
        {**request, "id": "12", "type": "subscribe"},
    ]


def test_an_id_means_a_market_of_its_type() -> None:
    assert market_ids.symbols("kucoin", "BTC-USDT") == ["BTC/USDT"]
    assert market_ids.symbols("kucoin", "BCHSV-USDT") == ["BSV/USDT"]
    assert market_ids.symbols("kucoinfutures", "BTC-USDT") == []
    assert market_ids.symbols("kucoinfutures", "XBTUSDTM") == ["BTC/USDT:USDT"]
    assert market_ids.symbols("kucoin", "XBTUSDM") == ["BTC/USD:BTC"]
    assert market_ids.symbols("kucoin", "XBTUSDM", "linear") == []


def test_the_word_for_the_state_of_a_market_is_the_venues() -> None:
    entries = venue("kucoin", "BTC/USDT").entries
    assert entries is not None
    assert entries.id({"symbol": "BTC-USDT"}) == "BTC-USDT"
    assert entries.status({"symbol": "A-B", "enableTrading": False}) == "enableTrading false"
    assert entries.status({"symbol": "XBTUSDTM", "status": "Paused"}) == "Paused"
    assert entries.fault({}) == "it has no symbol"

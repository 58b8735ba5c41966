"""Events from Kraken's raw messages, as its documents give them."""

from __future__ import annotations

from typing import Any

import pytest

from feedd.venues.kraken import control, parsers
from feedd.venues.kraken.market_ids import symbols

AT = ("kraken", "SC/EUR", 7, "")
TICKER: dict[str, Any] = {
    "symbol": "SC/EUR", "bid": 0.0429, "bid_qty": 19348.36906064, "ask": 0.04322,
    "ask_qty": 42073.68230962, "last": 0.0429, "volume": 1127313210.008552, "vwap": 0.042671,
    "low": 0.03128, "high": 0.05351, "change": 0.01064, "change_pct": 32.98,
    "timestamp": "2021-04-17T16:48:52.949747Z",
}  # fmt: skip
TRADE: dict[str, Any] = {
    "symbol": "MATIC/USD", "side": "sell", "price": 0.5117, "qty": 40.0, "ord_type": "market",
    "trade_id": 4665906, "timestamp": "2023-09-25T07:49:37.708706Z",
}  # fmt: skip


def message(channel: str, *data: dict[str, Any]) -> dict[str, Any]:
    return {"channel": channel, "type": "update", "data": list(data)}


def test_a_ticker_has_its_time_its_percent_and_its_own_bid_and_ask() -> None:
    (ticker,) = parsers.tickers(message("ticker", TICKER), *AT)
    assert (ticker.timestamp, ticker.datetime) == (1618678132949, "2021-04-17T16:48:52.949Z")
    assert (ticker.last, ticker.change_percent, ticker.volume) == (0.0429, 32.98, 1127313210.008552)
    assert (ticker.high, ticker.low, ticker.bid, ticker.ask) == (0.05351, 0.03128, 0.0429, 0.04322)


def test_a_quote_is_made_of_the_same_message() -> None:
    (quote,) = parsers.quotes(message("ticker", TICKER), *AT)
    assert (quote.bid, quote.bid_size) == (0.0429, 19348.36906064)
    assert (quote.ask, quote.ask_size) == (0.04322, 42073.68230962)
    assert quote.timestamp == 1618678132949


def test_a_ticker_of_before_the_times_has_none() -> None:
    row = {key: value for key, value in TICKER.items() if key != "timestamp"}
    assert parsers.tickers(message("ticker", row), *AT)[0].timestamp is None


def test_trades_are_in_the_order_of_their_numbers() -> None:
    newer = {**TRADE, "trade_id": 4665907}
    found = parsers.trades(message("trade", newer, TRADE), *AT)
    assert [number for number, _ in found] == [4665906, 4665907]
    _, trade = found[0]
    assert (trade.id, trade.side, trade.price, trade.size) == (4665906, "sell", 0.5117, 40.0)
    assert trade.timestamp == 1695628177708


@pytest.mark.parametrize(
    "changed",
    [{"side": "b"}, {"trade_id": "x"}, {"trade_id": 1.5}, {"qty": 0}, {"price": None},
     {"timestamp": "2023-09-25T07:49:37"}, {"timestamp": None}],
)  # fmt: skip
def test_an_altered_trade_is_rejected(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        parsers.trades(message("trade", {**TRADE, **changed}), *AT)


def test_a_snapshot_of_candles_yields_the_last() -> None:
    row = {
        "symbol": "MATIC/USD", "open": 0.5624, "high": 0.5628, "low": 0.5622, "close": 0.5627,
        "trades": 12, "volume": 30927.68066226, "interval": 5,
        "interval_begin": "2023-10-04T16:25:00.000000000Z",
    }  # fmt: skip
    earlier = {**row, "interval_begin": "2023-10-04T16:20:00.000000000Z"}
    for kind, count in (("snapshot", 1), ("update", 2)):
        candles = parsers.candles(
            {"channel": "ohlc", "type": kind, "timestamp": "2023-10-04T16:26:30.524394914Z",
             "data": [earlier, row]}, "kraken", "MATIC/USD", 7, "5m",
        )  # fmt: skip
        assert len(candles) == count
        assert (candles[-1].open_time, candles[-1].timestamp) == (1696436700000, 1696436790524)
        assert (candles[-1].open, candles[-1].close, candles[-1].closed) == (0.5624, 0.5627, None)


def test_missed_trades_are_in_the_page_of_the_newest() -> None:
    assert parsers.trades_request("spot", "XXBTZUSD", 5, False) == (
        "publicGetTrades", {"pair": "XXBTZUSD", "count": 1000},
    )  # fmt: skip
    row = ["30243.40000", "0.34507674", 1688669597.8277369, "b", "m", "", 61044952]
    answer = {"error": [], "result": {"last": "1688671969993150842", "XXBTZUSD": [row]}}
    number, trade = parsers.rest_trade(parsers.trade_rows(answer)[0], "kraken", "BTC/USD", 7)
    assert (number, trade.id, trade.side) == (61044952, 61044952, "buy")
    assert (trade.timestamp, trade.price, trade.size) == (1688669597827, 30243.4, 0.34507674)


def test_a_page_and_the_stream_give_a_trade_the_same_time() -> None:
    row = ["1", "1", 1688669597.827, "s", "l", "", 1]
    assert parsers.rest_trade(row, "kraken", "BTC/USD", 7)[1].timestamp == 1688669597827


def test_a_refusal_is_that_of_its_request() -> None:
    refusal = {
        "error": "Currency pair not supported FOO/BAR", "method": "subscribe", "req_id": 3,
        "success": False, "symbol": "FOO/BAR",
    }  # fmt: skip
    request = {"method": "subscribe", "params": {"channel": "trade", "symbol": ["FOO/BAR"]}}
    assert control.refusal(refusal) == "refused: Currency pair not supported FOO/BAR"
    assert control.refuses(refusal, {**request, "req_id": 3})
    assert not control.refuses(refusal, {**request, "req_id": 4})
    del refusal["req_id"]
    assert control.refuses(refusal, {**request, "req_id": 4})
    assert control.refusal({"method": "subscribe", "success": True, "result": {}}) is None


def test_subscribing_again_keeps_the_terms() -> None:
    request = {
        "method": "subscribe", "req_id": 1,
        "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 25},
    }  # fmt: skip
    ids = iter([8, 9])
    assert control.resubscribe(request, lambda: next(ids)) == [
        {**request, "method": "unsubscribe", "req_id": 8}, {**request, "req_id": 9},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("id_", "symbol"),
    [("XBT/CHF", "BTC/CHF"), ("KSM/XBT", "KSM/BTC"), ("XXBTZUSD", "BTC/USD"),
     ("XETHXXBT", "ETH/BTC"), ("XDGUSD", "DOGE/USD"), ("XBTUSDT", "BTC/USDT")],
)  # fmt: skip
def test_a_pair_has_a_unified_symbol(id_: str, symbol: str) -> None:
    assert symbols("kraken", id_, "spot") == [symbol]
    assert symbols("kraken", id_, "linear") == []


def test_a_short_id_may_be_of_another_exchanges_derivative() -> None:
    assert symbols("kraken", "XBTUSD") == []
    assert symbols("kraken", "XBTUSD", "spot") == ["BTC/USD"]

"""Conversion of Binance's messages by ccxt, and of ccxt's structures by feedd."""

import json
from functools import partial
from typing import Any

import ccxt.pro
import pytest

from feedd.sources.ccxt.converters import to_quote, to_ticker, to_trade
from feedd.sources.ccxt.exchange_class import moved

SYMBOL = "BTC/USDT:USDT"
QUOTE = (
    '{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507",'
    '"a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313}'
)
TRADE = (
    '{"e":"trade","E":1723161256322,"T":1723161256321,"s":"BTCUSDT","t":5266583935,'
    '"p":"61800.30","q":"0.006","X":"MARKET","m":true}'
)
TICKER = (
    '{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","p":"-131.40","P":"-0.786",'
    '"w":"16628.97","c":"16584.60","Q":"0.002","o":"16716.00","h":"16764.89","l":"16456.51",'
    '"v":"122474.816","q":"2036102085.69","O":1672429382136,"C":1672515782135,"F":2289691,'
    '"L":2432543,"n":142853}'
)


@pytest.fixture(scope="module")
def exchange() -> ccxt.pro.binanceusdm:
    return ccxt.pro.binanceusdm()


def test_a_book_ticker_is_a_quote(exchange: ccxt.pro.binanceusdm) -> None:
    parsed = exchange.parse_ws_ticker(json.loads(QUOTE), "contract")
    quote = to_quote(parsed, "binanceusdm", SYMBOL, 5, 5123107839020)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (61800.2, 2.507, 61800.3, 2.51)
    assert (quote.timestamp, quote.id, quote.received_ns) == (1723161256313, 5123107839020, 5)


@pytest.mark.parametrize("price", ["junk", ""])
def test_a_quote_with_a_size_and_no_price_can_not_be_read(
    exchange: ccxt.pro.binanceusdm, price: str
) -> None:
    parsed = exchange.parse_ws_ticker({**json.loads(QUOTE), "a": price}, "contract")
    with pytest.raises(ValueError, match="quote 7 has a size and no price as its ask"):
        to_quote(parsed, "binanceusdm", SYMBOL, 5, 7)
    empty = {**json.loads(QUOTE), "a": "0.00", "A": "0.000"}
    quote = to_quote(exchange.parse_ws_ticker(empty, "contract"), "binanceusdm", SYMBOL, 5, 7)
    assert not quote.ask


def test_a_trade_is_the_takers(exchange: ccxt.pro.binanceusdm) -> None:
    trade = to_trade(exchange.parse_ws_trade(json.loads(TRADE)), "binanceusdm", SYMBOL, 5)
    assert (trade.price, trade.size, trade.side) == (61800.3, 0.006, "sell")
    assert (trade.timestamp, trade.id) == (1723161256321, 5266583935)


def test_a_fill_of_the_insurance_fund_is_no_trade_of_the_market(
    exchange: ccxt.pro.binanceusdm,
) -> None:
    fill = {**json.loads(TRADE), "p": "0", "X": "INSURANCE_FUND"}
    assert to_trade(exchange.parse_ws_trade(fill), "binanceusdm", SYMBOL, 5) is None


def test_a_24h_ticker_has_no_bid_and_no_ask(exchange: ccxt.pro.binanceusdm) -> None:
    parsed = exchange.parse_ws_ticker(json.loads(TICKER), "contract")
    ticker = to_ticker(parsed, "binanceusdm", SYMBOL, 5)
    assert (ticker.last, ticker.high, ticker.low) == (16584.6, 16764.89, 16456.51)
    assert (ticker.volume, ticker.change_percent) == (122474.816, -0.786)
    assert (ticker.bid, ticker.ask) == (None, None)
    assert (ticker.timestamp, ticker.datetime) == (1672515782135, "2022-12-31T19:43:02.135Z")


def test_an_exchanges_addresses_move_to_the_endpoint_path_by_path() -> None:
    urls = {"fapi": "https://fapi.binance.com/fapi/v1", "ws": {"linear": "wss://x.com/ws"}}
    assert moved(urls, "http://127.0.0.1:8765") == {
        "fapi": "http://127.0.0.1:8765/fapi/v1", "ws": {"linear": "ws://127.0.0.1:8765/ws"},
    }  # fmt: skip
    assert moved("wss://stream.x.com:9443/ws", "http://127.0.0.1:8765/spot") == (
        "ws://127.0.0.1:8765/spot/ws"
    )
    assert moved("https://api.{hostname}", "https://e.com") == "https://e.com"


@pytest.mark.parametrize("junk", ["NaN", "Infinity"])
def test_a_non_number_that_ccxt_accepts_is_a_message_error(
    exchange: ccxt.pro.binanceusdm, junk: str
) -> None:
    quote, trade, ticker = (json.loads(text) for text in (QUOTE, TRADE, TICKER))

    def read(to: Any, parse: Any, *args: Any) -> None:
        to(parse(*args), "binanceusdm", SYMBOL, 5)

    # ccxt itself refuses some of it, with a ValueError of another text.
    for key in "bBaA":
        with pytest.raises(ValueError):  # noqa: PT011
            read(
                partial(to_quote, event_id=1),
                exchange.parse_ws_ticker,
                {**quote, key: junk},
                "contract",
            )
    for key in "pq":
        with pytest.raises(ValueError):  # noqa: PT011
            read(to_trade, exchange.parse_ws_trade, {**trade, key: junk})
    for key in "hP":
        with pytest.raises(ValueError):  # noqa: PT011
            read(to_ticker, exchange.parse_ws_ticker, {**ticker, key: junk}, "contract")

"""Binance's raw messages, as ccxt reads them; numbers to the last bit."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import import_module
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.errors import ConfigError
from feedd.sources.ccxt.converters import to_liquidation, to_ticker
from feedd.venues.binance import listing, messages
from feedd.venues.binance.book import to_update as raw_to_update
from feedd.venues.native import UNREADABLE, native_market

TICKER = {
    "e": "24hrTicker", "E": 1672515782136, "s": "BTCUSDT", "p": "-131.40", "P": "-0.786",
    "w": "16628.97", "c": "16584.60", "Q": "0.002", "o": "16716.00", "h": "16764.89",
    "l": "16456.51", "v": "122474.816", "q": "2036102085.69", "O": 1672429382136,
    "C": 1672515782100, "F": 2289691, "L": 2432543, "n": 142853,
}  # fmt: skip
ORDER = {
    "s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.014", "p": "9910",
    "ap": "9910.5", "X": "FILLED", "l": "0.012", "z": "0.014", "T": 1568014460893,
}  # fmt: skip
MARKET = {"id": "BTCUSDT", "symbol": "BTC/USDT:USDT", "inverse": False, "precision": {}}


@pytest.fixture(scope="module")
def exchange() -> Any:
    made = import_module("ccxt.pro.binance").binance()
    made.options.update(crossMarginPairsData=[], isolatedMarginPairsData=[])
    made.safe_market = lambda *_: MARKET
    made.safe_symbol = lambda *_: MARKET["symbol"]
    return made


def raw(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


@given(
    st.decimals(min_value=0, max_value=Decimal("1e20"), allow_nan=False, places=8).map(
        lambda number: f"{number:f}"
    )
)
def test_a_number_in_a_string_is_the_same_as_of_float(text: str) -> None:
    read = msgspec.json.decode(f'"{text}"', type=messages.Number, strict=False)
    assert read == float(text)
    assert str(read) == str(float(text))


@pytest.mark.parametrize("order", ["usbBaA", "AaBbsu"])
def test_a_quote_of_spot_is_known_without_its_kind_in_whatever_order(order: str) -> None:
    fields = {"u": 9, "s": "BNBUSDT", "b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"}
    read = messages.read_spot(raw({name: fields[name] for name in order}))
    assert (read.id, read.bid, read.bid_size, read.ask, read.ask_size, read.timestamp) == (
        9,
        25.35,
        31.21,
        25.36,
        40.66,
        None,
    )


def test_a_ticker_of_spot_has_its_own_bid_and_ask() -> None:
    own = {**TICKER, "b": "16584.50", "B": "1.2", "a": "16584.70", "A": "0"}
    ticker = messages.to_ticker(messages.read_spot(raw(own)), "binance", "BTC/USDT", 1)
    assert (ticker.bid, ticker.ask) == (16584.5, 16584.7)
    empty = {**TICKER, "b": "0.00", "a": "0.00"}
    ticker = messages.to_ticker(messages.read_spot(raw(empty)), "binance", "BTC/USDT", 1)
    assert (ticker.bid, ticker.ask) == (None, None)


@pytest.mark.parametrize("text", ["nan", "inf", "Infinity", "-1", "1e999", "", "x", "0x1", "1_0"])
def test_an_invalid_price_is_a_message_error(text: str) -> None:
    message = {"e": "bookTicker", "u": 1, "b": text, "B": "1", "a": "2", "A": "1", "E": 1}
    with pytest.raises(ValueError, match=r".*"):
        messages.read(raw(message))


@pytest.mark.parametrize(
    "changes",
    [{}, {"P": "0.000"}, {"P": "0.000", "p": "3.21"}, {"h": "0", "l": "0"}, {"v": "0"},
     {"P": "0", "p": "0.00"}],
)  # fmt: skip
def test_a_ticker_is_the_one_that_ccxt_makes(exchange: Any, changes: dict[str, str]) -> None:
    message = {**TICKER, **changes}
    parsed = exchange.parse_ws_ticker(message, "contract")
    theirs = to_ticker(parsed, "binanceusdm", MARKET["symbol"], 7)
    ours = messages.to_ticker(messages.read(raw(message)), "binanceusdm", MARKET["symbol"], 7)
    assert ours == theirs


@pytest.mark.parametrize("changes", [
    {"P": "nan"}, {"P": "inf"}, {"P": "-Infinity"}, {"P": "x"}, {"P": "0", "o": "nan"},
    {"P": "0", "p": "nan"}, {"P": "0", "p": "inf"}, {"P": "0", "o": "x"}, {"P": "0", "p": "1e90"},
    ])  # fmt: skip
def test_a_change_that_is_no_number_makes_the_ticker_unreadable(
    changes: dict[str, Any],
) -> None:
    text = raw({**TICKER, **changes})
    with pytest.raises(UNREADABLE):
        messages.to_ticker(messages.read(text), "binanceusdm", MARKET["symbol"], 7)


@pytest.mark.parametrize("changes", [{}, {"S": "BUY"}])
def test_a_liquidation_is_the_one_that_ccxt_makes(exchange: Any, changes: dict[str, str]) -> None:
    order = {**ORDER, **changes}
    parsed = exchange.parse_ws_liquidation(order, MARKET)
    theirs = to_liquidation(parsed, "binanceusdm", MARKET["symbol"], 7)
    message = messages.read(raw({"e": "forceOrder", "E": 1, "o": order}))
    assert messages.to_liquidation(message, "binanceusdm", MARKET["symbol"], 7) == theirs


@pytest.mark.parametrize("changes", [{"ap": "0"}, {"l": "0"}])
def test_a_liquidation_without_price_or_size_is_an_error(changes: dict[str, str]) -> None:
    message = messages.read(raw({"e": "forceOrder", "E": 1, "o": {**ORDER, **changes}}))
    with pytest.raises(ValueError, match="a liquidation has"):
        messages.to_liquidation(message, "binanceusdm", "X", 7)


@pytest.mark.parametrize("pu", [{"pu": 5}, {}])
def test_an_update_of_the_book_is_the_one_that_the_rules_read(pu: dict[str, int]) -> None:
    message = {"e": "depthUpdate", "E": 3, "s": "X", "U": 7, "u": 9, "b": [["1.50", "0.000"]],
               "a": [["2.10", "3"], ["2.2", "1"]], **pu}  # fmt: skip
    assert messages.to_update(messages.read(raw(message))) == raw_to_update(message)


@pytest.mark.parametrize("level", [["0", "1"], ["-1", "1"], ["nan", "1"], ["1"], ["1", "inf"]])
def test_an_invalid_level_is_a_message_error(level: list[str]) -> None:
    message = {"e": "depthUpdate", "E": 3, "U": 7, "u": 9, "pu": 6, "b": [level], "a": []}
    with pytest.raises(ValueError, match=r".*"):
        messages.read(raw(message))


def test_the_listed_names_are_ccxts(exchange: Any) -> None:
    rows = [
        {"symbol": "BTCUSDT", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
         "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT"},
        {"symbol": "TSLAUSDT", "contractType": "TRADIFI_PERPETUAL", "deliveryDate": 4133404800000,
         "baseAsset": "TSLA", "quoteAsset": "USDT", "marginAsset": "USDT"},
        {"symbol": "BTCUSDT_260327", "contractType": "CURRENT_QUARTER",
         "deliveryDate": 1774598400000, "baseAsset": "BTC", "quoteAsset": "USDT",
         "marginAsset": "USDT"},
        {"symbol": "BTCUSD_PERP", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
         "baseAsset": "BTC", "quoteAsset": "USD", "marginAsset": "BTC", "contractSize": 100,
         "contractStatus": "TRADING"},
        {"symbol": "ETHUSD_260327", "contractType": "CURRENT_QUARTER",
         "deliveryDate": 1774598400000, "baseAsset": "ETH", "quoteAsset": "USD",
         "marginAsset": "ETH", "contractSize": 10, "contractStatus": "TRADING"},
        {"symbol": "1000SHIBUSDC", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
         "baseAsset": "1000SHIB", "quoteAsset": "USDC", "marginAsset": "USDC"},
        {"symbol": "BCCBTC", "baseAsset": "BCC", "quoteAsset": "BTC"},
        {"symbol": "YOYOBTC", "baseAsset": "YOYO", "quoteAsset": "BTC"},
    ]  # fmt: skip
    theirs = {row["symbol"]: exchange.parse_market({"status": "TRADING", "filters": [], **row})
              for row in rows}  # fmt: skip
    ours = {market["id"]: market["symbol"] for market in listing.markets(raw({"symbols": rows}))}
    assert ours == {id_: market["symbol"] for id_, market in theirs.items()}


def test_an_unsupported_stream_is_refused_with_the_supported_ones() -> None:
    with pytest.raises(ConfigError, match="serves binanceusdm, binancecoinm, and of binance spot"):
        native_market("kraken", "BTC/USDT")

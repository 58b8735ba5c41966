"""What exchanges' raw messages become: recorded ones, and those of their documents."""

import json
from pathlib import Path

import ccxt.pro
import pytest

from feedd.sources.ccxt.converters import to_liquidation
from feedd.venues.dialects import lacking, market_type
from feedd.venues.raw_messages import (
    binance_candles,
    binance_mark,
    binance_rest_trade,
    bybit_candles,
)


def test_recorded_candles_are_what_ccxt_reads_and_say_whether_they_are_closed(
    four_symbols: Path,
) -> None:
    exchange = ccxt.pro.binanceusdm()
    seen = closed = 0
    for row in four_symbols.read_text().splitlines():
        if '@kline_1m"' not in row:
            continue
        message = json.loads(row.partition(": ")[2])["data"]
        (candle,) = binance_candles(message, "binanceusdm", "S", 5, "1m")
        k = message["k"]
        by_ccxt = exchange.parse_ohlcv([k[key] for key in "tohlcv"])
        assert by_ccxt == [candle.open_time, candle.open, candle.high, candle.low, candle.close,
                           candle.volume]  # fmt: skip
        assert (candle.timestamp, candle.closed) == (message["E"], k["x"])
        assert candle.low <= min(candle.open, candle.close)  # type: ignore[operator,type-var]
        seen += 1
        closed += candle.closed is True
    assert seen == 67
    assert closed > 0


def test_a_bybit_candle_is_closed_when_it_is_confirmed() -> None:
    row = {"start": 1672324800000, "end": 1672325099999, "interval": "5", "open": "16649.5",
           "close": "16677", "high": "16677", "low": "16608", "volume": "2.081",
           "turnover": "34666.4005", "confirm": True, "timestamp": 1672324988882}  # fmt: skip
    (candle,) = bybit_candles({"data": [row]}, "bybit", "S", 5, "5m")
    assert (candle.open, candle.close, candle.volume) == (16649.5, 16677.0, 2.081)
    assert (candle.open_time, candle.timestamp, candle.closed) == (
        1672324800000, 1672324988882, True,
    )  # fmt: skip


def test_a_mark_price_has_its_funding() -> None:
    message = {"e": "markPriceUpdate", "E": 1562305380000, "s": "BTCUSDT", "p": "11794.15",
               "i": "11784.62659091", "r": "0.00038167", "T": 1562306400000}  # fmt: skip
    mark = binance_mark(message, "binanceusdm", "S", 5)
    assert (mark.mark_price, mark.index_price) == (11794.15, 11784.62659091)
    assert (mark.funding_rate, mark.next_funding) == (0.00038167, 1562306400000)
    delivery = binance_mark({**message, "r": "", "T": 0}, "binanceusdm", "S", 5)
    assert (delivery.funding_rate, delivery.next_funding) == (None, None)


def test_a_liquidations_side_is_the_orders_on_every_exchange() -> None:
    parsed = {"price": 50000.0, "contracts": 0.1, "side": "sell", "timestamp": 7}
    assert to_liquidation(parsed, "binanceusdm", "S", 5).side == "sell"
    assert to_liquidation(parsed, "bybit", "S", 5, names_position=True).side == "buy"


def test_a_trade_asked_for_afterwards_is_marked_and_a_fill_at_no_price_is_none() -> None:
    row = {"id": 28457, "price": "4.00", "qty": "12.0", "quoteQty": "48.00",
           "time": 1499865549590, "isBuyerMaker": True}  # fmt: skip
    trade = binance_rest_trade(row, "binanceusdm", "S", 5)
    assert trade is not None
    assert (trade.id, trade.price, trade.size, trade.side) == (28457, 4.0, 12.0, "sell")
    assert trade.backfilled
    assert binance_rest_trade({**row, "price": "0"}, "binanceusdm", "S", 5) is None


def test_a_spot_market_has_no_mark_and_no_liquidation() -> None:
    has = {"watchTicker": True, "watchMarkPrice": True, "watchLiquidations": True}
    assert lacking(has, "BTC/USDT", ("ticker", "mark")) == ("mark", ["ticker"])
    assert lacking(has, "BTC/USDT:USDT", ("mark",))[0] == ""
    assert [market_type(s) for s in ("A/B", "A/B:B", "A/B:A", "A/B:B-260327")] == [
        "spot", "linear", "inverse", "linear",
    ]  # fmt: skip


@pytest.mark.parametrize("junk", ["NaN", "Infinity", "-Infinity", "1_000", "١٢", "", "x"])
def test_a_price_that_is_no_number_is_an_error_of_the_message(junk: str) -> None:
    with pytest.raises(ValueError, match=r"no number|could not convert"):
        binance_mark({"E": 1, "p": junk}, "binanceusdm", "S", 5)
    kline = {"t": 1, "o": "1", "h": "1", "l": "1", "c": "1", "v": junk, "x": False}
    with pytest.raises(ValueError, match=r"no number|could not convert"):
        binance_candles({"E": 1, "k": kline}, "binanceusdm", "S", 5, "1m")

"""Events from Binance's raw messages: recorded ones, and those of its documents."""

import json
from pathlib import Path

import ccxt.pro
import pytest
import raw_recordings

from feedd.venues.binance.parsers import candles, mark, rest_trade


def test_recorded_candles_equal_ccxts_and_have_their_closed_flag(
    four_symbols: Path,
) -> None:
    exchange = ccxt.pro.binanceusdm()
    seen = closed = 0
    for row in four_symbols.read_text().splitlines():
        if '@kline_1m"' not in row:
            continue
        message = json.loads(row.partition(": ")[2])["data"]
        (candle,) = candles(message, "binanceusdm", "S", 5, "1m")
        k = message["k"]
        by_ccxt = exchange.parse_ohlcv([k[key] for key in "tohlcv"])
        assert by_ccxt == [candle.open_time, candle.open, candle.high, candle.low, candle.close,
                           candle.volume]  # fmt: skip
        assert (candle.timestamp, candle.closed) == (message["E"], k["x"])
        assert candle.low <= min(candle.open, candle.close)  # type: ignore[operator,type-var]
        seen += 1
        closed += candle.closed is True
    assert seen == raw_recordings.four_symbols(four_symbols).candles
    assert closed > 0


def test_a_mark_price_has_its_funding() -> None:
    message = {"e": "markPriceUpdate", "E": 1562305380000, "s": "BTCUSDT", "p": "11794.15",
               "i": "11784.62659091", "r": "0.00038167", "T": 1562306400000}  # fmt: skip
    event = mark(message, "binanceusdm", "S", 5)
    assert (event.mark_price, event.index_price) == (11794.15, 11784.62659091)
    assert (event.funding_rate, event.next_funding) == (0.00038167, 1562306400000)
    delivery = mark({**message, "r": "", "T": 0}, "binanceusdm", "S", 5)
    assert (delivery.funding_rate, delivery.next_funding) == (None, None)


def test_a_trade_asked_for_afterwards_is_marked_and_a_fill_at_no_price_is_none() -> None:
    row = {"id": 28457, "price": "4.00", "qty": "12.0", "quoteQty": "48.00",
           "time": 1499865549590, "isBuyerMaker": True}  # fmt: skip
    trade = rest_trade(row, "binanceusdm", "S", 5)
    assert trade is not None
    assert (trade.id, trade.price, trade.size, trade.side) == (28457, 4.0, 12.0, "sell")
    assert trade.backfilled
    assert rest_trade({**row, "price": "0"}, "binanceusdm", "S", 5) is None


@pytest.mark.parametrize("junk", ["NaN", "Infinity", "-Infinity", "1_000", "١٢", "", "x"])
def test_a_price_that_is_no_number_is_an_error_of_the_message(junk: str) -> None:
    with pytest.raises(ValueError, match=r"not a number|could not convert"):
        mark({"E": 1, "p": junk}, "binanceusdm", "S", 5)
    kline = {"t": 1, "o": "1", "h": "1", "l": "1", "c": "1", "v": junk, "x": False}
    with pytest.raises(ValueError, match=r"not a number|could not convert"):
        candles({"E": 1, "k": kline}, "binanceusdm", "S", 5, "1m")

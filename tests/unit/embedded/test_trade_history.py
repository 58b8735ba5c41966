"""Tickers and candles are what the trades add up to."""

import json

from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.instruments import Instrument
from feedd.embedded.trade_history import DAY_MS, TradeHistory, TradeRow

INSTRUMENT = Instrument("BTC", "USDT", price_decimals=1, size_decimals=2, tick=1)
FORM = Usdm(INSTRUMENT)
MINUTE = 60_000
START = 1_723_161_240_000  # a whole minute


def filled() -> TradeHistory:
    history = TradeHistory(INSTRUMENT)
    history.add(TradeRow(1, START, 1000, 100, buyer_is_maker=False))
    history.add(TradeRow(2, START + 1000, 1100, 200, buyer_is_maker=True))
    history.add(TradeRow(3, START + MINUTE, 900, 300, buyer_is_maker=False))
    return history


def test_a_ticker_sums_up_its_trades() -> None:
    event = json.loads(FORM.ticker(filled(), None, START + MINUTE + 5) or "")
    wanted = {"o": "100.0", "h": "110.0", "l": "90.0", "c": "90.0", "v": "6.00", "q": "590.000",
              "P": "-10.000", "p": "-10.0", "w": "98.3", "n": 3, "F": 1, "L": 3,
              "C": START + MINUTE, "Q": "3.00"}  # fmt: skip
    assert {key: event[key] for key in wanted} == wanted
    assert "b" not in event
    assert "a" not in event


def test_trades_older_than_a_day_no_longer_count() -> None:
    history = filled()
    event = json.loads(FORM.ticker(history, None, START + DAY_MS + MINUTE // 2) or "")
    assert (event["n"], event["o"]) == (1, "90.0")
    assert FORM.ticker(history, None, START + DAY_MS + 2 * MINUTE) is None


def test_a_candle_holds_the_trades_of_its_span_and_of_no_other() -> None:
    history = filled()
    candle = history.candle(MINUTE, START)
    assert candle is not None
    first = json.loads(FORM.kline(candle, "1m", closed=True, now_ms=START))["k"]
    assert (first["o"], first["h"], first["c"], first["v"], first["n"], first["x"]) == (
        "100.0", "110.0", "110.0", "3.00", 2, True,
    )  # fmt: skip
    assert (first["V"], first["t"], first["T"]) == ("1.00", START, START + MINUTE - 1)
    hour = history.candle(60 * MINUTE, START)
    assert hour is not None
    assert hour.count == 3


def test_klines_are_the_same_candles() -> None:
    candles = filled().candles(MINUTE, 10, START + MINUTE + 1)
    rows = [FORM.kline_row(candle, "1m") for candle in candles]
    assert [row[0] for row in rows] == [START, START + MINUTE]
    assert rows[0][1:6] == ["100.0", "110.0", "100.0", "110.0", "3.00"]


def test_an_aggregate_spans_its_trades() -> None:
    history = TradeHistory(INSTRUMENT)
    history.add(TradeRow(4, START, 900, 5, True))
    history.add(TradeRow(5, START + 9, 900, 6, True))
    history.close_aggregate()
    (row,) = history.aggregates_after(0)
    assert FORM.aggregate_row(row) == {
        "a": 1, "p": "90.0", "q": "0.11", "nq": "0.11", "f": 4, "l": 5, "T": START + 9, "m": True,
    }  # fmt: skip
    assert history.aggregates_after(1) == []

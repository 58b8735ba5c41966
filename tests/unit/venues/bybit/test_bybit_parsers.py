"""Events from Bybit's raw messages, as its documents give them."""

from feedd.venues.bybit.parsers import candles


def test_a_candle_is_closed_when_it_is_confirmed() -> None:
    row = {"start": 1672324800000, "end": 1672325099999, "interval": "5", "open": "16649.5",
           "close": "16677", "high": "16677", "low": "16608", "volume": "2.081",
           "turnover": "34666.4005", "confirm": True, "timestamp": 1672324988882}  # fmt: skip
    (candle,) = candles({"data": [row]}, "bybit", "S", 5, "5m")
    assert (candle.open, candle.close, candle.volume) == (16649.5, 16677.0, 2.081)
    assert (candle.open_time, candle.timestamp, candle.closed) == (
        1672324800000, 1672324988882, True,
    )  # fmt: skip

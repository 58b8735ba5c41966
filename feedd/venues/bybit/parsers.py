"""Pure parsers for Bybit's raw messages from which ccxt drops data."""

from __future__ import annotations

from typing import Any

from feedd.model import Candle
from feedd.numbers import integer, number, truth


def candles(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, timeframe: str
) -> list[Candle]:
    """Return the candles of `kline.<interval>.<symbol>`, oldest first.

    https://bybit-exchange.github.io/docs/v5/websocket/public/kline::

        {"topic":"kline.5.BTCUSDT","data":[{"start":1672324800000,"end":1672325099999,
         "interval":"5","open":"16649.5","close":"16677","high":"16677","low":"16608",
         "volume":"2.081","turnover":"34666.4005","confirm":false,"timestamp":1672324988882}],
         "ts":1672324988882,"type":"snapshot"}
    """
    return [
        Candle(
            symbol=symbol,
            timestamp=integer(k["timestamp"]),
            timeframe=timeframe,
            open_time=integer(k["start"]),
            open=number(k["open"]),
            high=number(k["high"]),
            low=number(k["low"]),
            close=number(k["close"]),
            volume=number(k["volume"]),
            closed=truth(k["confirm"]),
            exchange=exchange,
            received_ns=received_ns,
        )
        for k in message["data"]
    ]

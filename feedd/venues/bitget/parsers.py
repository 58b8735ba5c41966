"""Pure parsers of Bitget's raw messages."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from feedd.numbers import integer, plain_text
from feedd.venues.ticks import event_id, oldest_first, quote, side, ticker, trade

if TYPE_CHECKING:
    from feedd.model import Quote, Ticker, Trade


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of the channel `ticker`.

    https://www.bitget.com/api-doc/spot/websocket/public/Tickers-Channel::

        {"action":"snapshot","arg":{"instType":"SPOT","channel":"ticker","instId":"ETHUSDT"},
         "data":[{"instId":"ETHUSDT","lastPr":"2200.10","open24h":"2252.00","high24h":"2290.15",
                  "low24h":"2176.73","change24h":"-0.02307","bidPr":"2200.10","askPr":"2200.11",
                  "bidSz":"0.0084","askSz":"19.5740","baseVolume":"42408.8366",
                  "quoteVolume":"95126312.9","ts":"1704430499800"}],"ts":1704430499801}

    `change24h` is a fraction. Contracts have the same fields, and others besides.
    """
    return [
        ticker(
            exchange, symbol, received_ns,
            timestamp=integer(row["ts"]),
            last=row["lastPr"],
            volume=row["baseVolume"],
            high=row["high24h"],
            low=row["low24h"],
            change_percent=_percent(row["change24h"]),
            bid=row["bidPr"],
            ask=row["askPr"],
        )
        for row in message["data"]
    ]  # fmt: skip


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quote in the message of `tickers`: bidPr, bidSz, askPr and askSz."""
    return [
        quote(
            exchange, symbol, received_ns,
            id=None,
            timestamp=integer(row["ts"]),
            bid=row["bidPr"],
            bid_size=row["bidSz"],
            ask=row["askPr"],
            ask_size=row["askSz"],
        )
        for row in message["data"]
    ]  # fmt: skip


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Trade]:
    """Return the trades of the channel `trade`, oldest first; a message has the newest first.

    https://www.bitget.com/api-doc/spot/websocket/public/Trades-Channel::

        {"action":"snapshot","arg":{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},
         "data":[{"ts":"1695709835822","price":"26293.4","size":"0.0013","side":"buy",
                  "tradeId":"1000000000"},…],"ts":1695711090682}

    The first message has the 50 trades before it. Ids skip numbers. `side` is the taker's.
    """
    return [
        trade(
            exchange, symbol, received_ns,
            id=event_id(row["tradeId"]),
            timestamp=integer(row["ts"]),
            price_=row["price"],
            size_=row["size"],
            taker=side(row["side"]),
        )
        for row in oldest_first(message["data"], "ts")
    ]  # fmt: skip


def _percent(fraction: Any) -> float | None:
    if fraction is None or fraction == "":
        return None
    return float(Decimal(plain_text(str(fraction))) * 100)

"""Pure parsers of MEXC's decoded frames; the bodies are of Protocol Buffers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from feedd.model import Candle, Quote, Ticker, Trade
from feedd.numbers import integer, number, plain_text
from feedd.venues.mexc import wire
from feedd.venues.ticks import quote, ticker, trade

TAKER = {1: "buy", 2: "sell"}
DEALS = 1
PRICE, QUANTITY, TRADE_TYPE, TIME = 1, 2, 3, 4
WINDOW_START = 2


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of `spot@public.miniTicker.v3.api.pb@<symbol>@24H`.

    The body is `PublicMiniTickerV3Api`::

        {symbol: "BTCUSDT", price: "76522", rate: "0.0012", zonedRate: "0.0013", high: "77196.3",
         low: "75630.77", volume: "584664223.92", quantity: "7666.720258", …}

    `zonedRate` is the change since the beginning of the channel's last part, 24 h ago, as a
    fraction. `volume` is in the quote currency, `quantity` in the base currency.
    """
    _, last, _, fraction, high, low, _, quantity = wire.texts(message["body"], 8)
    percent = None if fraction == "" else float(Decimal(plain_text(fraction)) * 100)
    made = ticker(
        exchange, symbol, received_ns,
        timestamp=integer(message["time"]), last=last, volume=quantity, high=high, low=low,
        change_percent=percent,
    )  # fmt: skip
    return [made]


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quote of `spot@public.aggre.bookTicker.v3.api.pb@100ms@<symbol>`.

    The body is `PublicAggreBookTickerV3Api`::

        {bidPrice: "93387.28", bidQuantity: "3.73485", askPrice: "93387.29", askQuantity: "7.669"}
    """
    bid, bid_size, ask, ask_size = wire.texts(message["body"], 4)
    made = quote(
        exchange, symbol, received_ns,
        id=None, timestamp=integer(message["time"]), bid=bid, bid_size=bid_size, ask=ask,
        ask_size=ask_size,
    )  # fmt: skip
    return [made]


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Trade]:
    """Return the trades of `spot@public.aggre.deals.v3.api.pb@100ms@<symbol>`, which have no ids.

    The body is `PublicAggreDealsV3Api`::

        {deals: [{price: "93220.00", quantity: "0.04438243", tradeType: 2, time: 1736409765051}],
         eventType: "spot@public.aggre.deals.v3.api.pb@100ms"}

    `tradeType` is 1 where the taker bought, 2 where it sold.
    """
    made = []
    for kind, deal in wire.fields(message["body"]):
        if kind != DEALS:
            continue
        row = dict(wire.fields(wire.packed(deal)))
        made.append(
            trade(
                exchange, symbol, received_ns,
                id=None, timestamp=integer(row[TIME]), price_=wire.text(row[PRICE]),
                size_=wire.text(row[QUANTITY]), taker=TAKER[row[TRADE_TYPE]],  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return sorted(made, key=lambda one: one.timestamp or 0)


def candles(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, timeframe: str
) -> list[Candle]:
    """Return the candle of `spot@public.kline.v3.api.pb@<symbol>@<interval>`.

    The body is `PublicSpotKlineV3Api`, with times in seconds::

        {interval: "Min1", windowStart: 1754737920, openingPrice: "117317.31",
         closingPrice: "117325.26", highestPrice: "117341", lowestPrice: "117317.3",
         volume: "3.12599854", amount: "366804.43", windowEnd: 1754737980}
    """
    row = dict(wire.fields(message["body"]))
    opened = row[WINDOW_START]
    open_, close, high, low, volume = (number(wire.text(row[at])) for at in range(3, 8))
    made = Candle(
        symbol=symbol,
        timestamp=message["time"],
        timeframe=timeframe,
        open_time=opened * 1000,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        closed=None,
        exchange=exchange,
        received_ns=received_ns,
    )
    return [made]

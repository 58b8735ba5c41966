"""Pure parsers for Hyperliquid's raw messages.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from feedd.model import Candle, Mark
from feedd.numbers import integer, number
from feedd.venues import ticks

if TYPE_CHECKING:
    from feedd.model import Quote, Ticker, Trade

# B is a bid, A an ask: the order that took the other side.
TAKERS: dict[str, Literal["buy", "sell"]] = {"B": "buy", "A": "sell"}


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the 24 h summary of `activeAssetCtx`, and of `activeSpotAssetCtx`.

    ::

        {"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{"funding":"0.0000125",
         "openInterest":"34715.04452","prevDayPx":"83388.0","dayNtlVlm":"2524355036.618314743",
         "premium":"-0.0001513106","oraclePx":"85916.0","markPx":"85896.4","midPx":"85902.5",
         "impactPxs":["85902.0","85903.0"],"dayBaseVlm":"29799.4898"}}}

    It has no time, no high and low, and no last price: `last` is the middle of the best bid and
    ask. `impactPxs` are prices of larger orders, not the best ones. The change is that of the mark
    price.
    """
    ctx = message["data"]["ctx"]
    ticker = ticks.ticker(
        exchange,
        symbol,
        received_ns,
        timestamp=None,
        last=ctx["midPx"],
        volume=ctx.get("dayBaseVlm"),
        high=None,
        low=None,
        change_percent=ticks.change_percent(ctx["prevDayPx"], ctx["markPx"]),
    )
    return [ticker]


def marks(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Mark]:
    """Return the mark price in a ticker's message; the funding is that of an hour."""
    ctx = message["data"]["ctx"]
    mark = Mark(
        symbol=symbol,
        timestamp=None,
        mark_price=number(ctx["markPx"]),
        index_price=ticks.some_number(ctx["oraclePx"]),
        funding_rate=ticks.some_number(ctx["funding"]),
        next_funding=None,
        exchange=exchange,
        received_ns=received_ns,
    )
    return [mark]


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the best levels of `bbo`, whose id is the time of its block, in ms.

    ::

        {"channel":"bbo","data":{"coin":"BTC","time":1790358617881,
         "bbo":[{"px":"83757.0","sz":"22.61305","n":81},{"px":"83758.0","sz":"0.00016","n":1}]}}

    An empty side is null.
    """
    data = message["data"]
    bid, ask = data["bbo"]
    time_ms = integer(data["time"])
    quote = ticks.quote(
        exchange,
        symbol,
        received_ns,
        id=time_ms,
        timestamp=time_ms,
        bid=None if bid is None else bid["px"],
        bid_size=None if bid is None else bid["sz"],
        ask=None if ask is None else ask["px"],
        ask_size=None if ask is None else ask["sz"],
    )
    return [quote]


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Trade]:
    """Return the trades of a `trades` message; the first one has the newest of before.

    ::

        {"channel":"trades","data":[{"coin":"BTC","side":"A","px":"68517.0","sz":"0.005",
         "time":1710125266669,"hash":"0xc872…","tid":981894269203506,
         "users":["0xe9ed…","0x6802…"]}]}

    `tid` is a hash of the two orders, so that ids of further trades do not follow it. `side` is the
    taker's; `users` are the buyer and the seller.
    """
    found = [
        ticks.trade(
            exchange,
            symbol,
            received_ns,
            id=integer(row["tid"]),
            timestamp=integer(row["time"]),
            price_=row["px"],
            size_=row["sz"],
            taker=TAKERS[row["side"]],
        )
        for row in message["data"]
    ]
    return sorted(found, key=lambda trade: trade.timestamp or 0)


def candles(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, timeframe: str
) -> list[Candle]:
    """Return the candle of `candle`, which does not say whether it is closed.

    ::

        {"channel":"candle","data":{"t":1710146280000,"T":1710146339999,"s":"BTC","i":"1m",
         "o":"71400.0","c":"71411.0","h":"71422.0","l":"71389.0","v":"1.20407","n":20}}
    """
    data = message["data"]
    rows = data if isinstance(data, list) else [data]  # the documents have a list
    return [
        Candle(
            symbol=symbol,
            timestamp=None,
            timeframe=timeframe,
            open_time=integer(row["t"]),
            open=number(row["o"]),
            high=number(row["h"]),
            low=number(row["l"]),
            close=number(row["c"]),
            volume=number(row["v"]),
            closed=None,
            exchange=exchange,
            received_ns=received_ns,
        )
        for row in rows
    ]

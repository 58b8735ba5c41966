"""Pure parsers for Binance's raw messages from which ccxt drops data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.model import BackfilledTrade, Candle, Mark
from feedd.numbers import integer, number, truth
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

PAGE = 1000  # trades, the most that a page has
_NOTHING = (None, "")
_PUBLIC = {"spot": "public", "linear": "fapiPublic", "inverse": "dapiPublic"}


def candles(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, timeframe: str
) -> list[Candle]:
    """Return the candle of `<symbol>@kline_<interval>`; ccxt drops x, whether it is closed.

    https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Kline-Candlestick-Streams::

        {"e":"kline","E":1626992741424,"s":"CTKUSDT","k":{"t":1626992700000,"T":1626992759999,
         "s":"CTKUSDT","i":"1m","f":23961275,"L":23961322,"o":"1.01000","c":"1.01100",
         "h":"1.01100","l":"1.01000","v":"3917","n":48,"x":false,"q":"3957.89900","V":"1729",
         "Q":"1748.01900","B":"0"}}
    """
    k = message["k"]
    return [
        Candle(
            symbol=symbol,
            timestamp=integer(message["E"]),
            timeframe=timeframe,
            open_time=integer(k["t"]),
            open=number(k["o"]),
            high=number(k["h"]),
            low=number(k["l"]),
            close=number(k["c"]),
            volume=number(k["v"]),
            closed=truth(k["x"]),
            exchange=exchange,
            received_ns=received_ns,
        )
    ]


def mark(message: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Mark:
    """Return the mark price of `<symbol>@markPrice@1s`; r is the funding rate, T its time.

    https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Mark-Price-Stream::

        {"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000",
         "ap":"11794.15000000","i":"11784.62659091","P":"11784.25641265","r":"0.00038167",
         "T":1562306400000}

    A contract with a delivery date has an empty r and T 0: there is no funding.
    """
    index, rate, next_funding = (message.get(key) for key in ("i", "r", "T"))
    return Mark(
        symbol=symbol,
        timestamp=integer(message["E"]),
        mark_price=number(message["p"]),
        index_price=None if index in _NOTHING else number(index),
        funding_rate=None if rate in _NOTHING else number(rate),
        next_funding=None if next_funding in _NOTHING else integer(next_funding) or None,
        exchange=exchange,
        received_ns=received_ns,
    )


def rest_trade(
    row: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> BackfilledTrade | None:
    """Return a trade of GET trades or historicalTrades; None for a fill at price 0.

    https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Old-Trades-Lookup::

        {"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"8000.00",
         "time":1499865549590,"isBuyerMaker":true}
    """
    price, size = number(row["price"]), number(row["qty"])
    if not price:
        return None
    return BackfilledTrade(
        symbol=symbol,
        timestamp=integer(row["time"]),
        price=price,
        size=size,
        side="sell" if truth(row["isBuyerMaker"]) else "buy",
        exchange=exchange,
        received_ns=received_ns,
        id=integer(row["id"]),
    )


def marks(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Mark]:
    """Return `mark` of a message, as a RawParser."""
    return [mark(message, exchange, symbol, received_ns)]


def rest_trade_with_id(
    row: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> tuple[int, BackfilledTrade | None]:
    """Return the id of a row and its `rest_trade`."""
    return integer(row["id"]), rest_trade(row, exchange, symbol, received_ns)


def trades_request(
    market_type: MarketType, market_id: str, from_id: int, with_key: bool
) -> CcxtRequest:
    """Return the request for trades from an id on; without a key, for the newest ones."""
    request: dict[str, Any] = {"symbol": market_id, "limit": PAGE}
    if not with_key:
        return CcxtRequest(f"{_PUBLIC[market_type]}GetTrades", request)
    request["fromId"] = from_id
    return CcxtRequest(f"{_PUBLIC[market_type]}GetHistoricalTrades", request)

"""Pure parsers for Kraken's raw messages, and the page of missed trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from feedd.clock import from_iso8601
from feedd.model import BackfilledTrade, Candle
from feedd.numbers import integer, number
from feedd.venues import ticks
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from feedd.model import Quote, Ticker, Trade
    from feedd.venues.market_type import MarketType

PAGE = 1000  # trades, the most that a page has
_SIDES: dict[str, Literal["buy", "sell"]] = {"b": "buy", "s": "sell"}


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the tickers of `ticker`, whose `event_trigger` is `trades`.

    https://docs.kraken.com/api/docs/websocket-v2/ticker::

        {"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":108359.8,
         "bid_qty":0.01362603,"ask":108359.9,"ask_qty":17.17988863,"last":108359.8,
         "volume":2158.32346723,"vwap":108894.5,"low":106824,"high":111300,"change":-2679.9,
         "change_pct":-2.41,"timestamp":"2025-05-21T12:35:21.123456Z"}]}

    `change_pct` is in percent.
    """
    return [
        ticks.ticker(
            exchange,
            symbol,
            received_ns,
            timestamp=_time(one),
            last=one["last"],
            volume=one["volume"],
            high=one["high"],
            low=one["low"],
            change_percent=ticks.some_number(one["change_pct"]),
            bid=one["bid"],
            ask=one["ask"],
        )
        for one in message["data"]
    ]


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quotes of `ticker`, whose `event_trigger` is `bbo`."""
    return [
        ticks.quote(
            exchange,
            symbol,
            received_ns,
            id=None,
            timestamp=_time(one),
            bid=one["bid"],
            bid_size=one["bid_qty"],
            ask=one["ask"],
            ask_size=one["ask_qty"],
        )
        for one in message["data"]
    ]


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int, Trade]]:
    """Return the trades of `trade` with their ids, oldest first.

    https://docs.kraken.com/api/docs/websocket-v2/trade::

        {"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell",
         "price":0.5117,"qty":40.0,"ord_type":"market","trade_id":4665906,
         "timestamp":"2023-09-25T07:49:37.708706Z"}]}

    `side` is the taker's. `trade_id` is "a sequence number, unique per book". A subscription begins
    with the last 50 trades.
    """
    found = [
        (
            (trade_id := integer(one["trade_id"])),
            ticks.trade(
                exchange,
                symbol,
                received_ns,
                id=trade_id,
                timestamp=from_iso8601(one["timestamp"]),
                price_=one["price"],
                size_=one["qty"],
                taker=ticks.side(one["side"]),
            ),
        )
        for one in message["data"]
    ]
    return sorted(found, key=lambda numbered: numbered[0])


def candles(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, timeframe: str
) -> list[Candle]:
    """Return the candles of `ohlc`; of the snapshot, which has earlier ones too, the last.

    https://docs.kraken.com/api/docs/websocket-v2/ohlc::

        {"channel":"ohlc","type":"update","timestamp":"2023-10-04T16:26:30.524394914Z",
         "data":[{"symbol":"MATIC/USD","open":0.5624,"high":0.5628,"low":0.5622,"close":0.5627,
         "trades":12,"volume":30927.68066226,"vwap":0.5626,
         "interval_begin":"2023-10-04T16:25:00.000000000Z","interval":5,
         "timestamp":"2023-10-04T16:30:00.000000Z"}]}
    """
    rows, timestamp = message["data"], from_iso8601(message["timestamp"])
    return [
        Candle(
            symbol=symbol,
            timestamp=timestamp,
            timeframe=timeframe,
            open_time=from_iso8601(one["interval_begin"]),
            open=number(one["open"]),
            high=number(one["high"]),
            low=number(one["low"]),
            close=number(one["close"]),
            volume=number(one["volume"]),
            closed=None,
            exchange=exchange,
            received_ns=received_ns,
        )
        for one in (rows[-1:] if message["type"] == "snapshot" else rows)
    ]


def trades_request(_of: MarketType, market_id: str, _from_id: int, _with_key: bool) -> CcxtRequest:
    """Return the request for the newest trades: its `since` is a time, not an id."""
    return CcxtRequest("publicGetTrades", {"pair": market_id, "count": PAGE})


def trade_rows(answer: dict[str, Any]) -> list[Any]:
    """Return the rows of GET Trades: its result has the pair's list and `last`."""
    return next(rows for rows in answer["result"].values() if isinstance(rows, list))


def rest_trade(
    row: list[Any], exchange: str, symbol: str, received_ns: int
) -> tuple[int, BackfilledTrade]:
    """Return the id and the trade of a row of GET Trades.

    https://docs.kraken.com/api/docs/rest-api/get-recent-trades; price, volume, time in s, side,
    type of the order, miscellaneous, id::

        ["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952]
    """
    at_us = round(number(row[2]) * 1e6)
    trade_id = integer(row[6])
    return trade_id, BackfilledTrade(
        symbol=symbol,
        timestamp=at_us // 1000,
        price=ticks.price(row[0]),
        size=ticks.size(row[1]),
        side=_SIDES[row[3]],
        exchange=exchange,
        received_ns=received_ns,
        id=trade_id,
    )


def _time(one: dict[str, Any]) -> int | None:
    text = one.get("timestamp")
    return None if text is None else from_iso8601(text)

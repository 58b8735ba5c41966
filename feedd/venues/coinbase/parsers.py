"""Pure parsers for Coinbase's raw messages, and the page of missed trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from feedd.clock import from_iso8601
from feedd.model import BackfilledTrade
from feedd.numbers import integer
from feedd.venues import ticks
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from feedd.model import Quote, Ticker, Trade
    from feedd.venues.market_type import MarketType

PAGE = 1000  # trades, the most that a page has
# The message has the maker's side: a trade with a resting bid is a taker's sale.
TAKER: dict[str, Literal["buy", "sell"]] = {"BUY": "sell", "SELL": "buy"}


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the tickers of `ticker`, sent whenever a trade happens.

    https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels#ticker-channel::

        {"channel":"ticker","timestamp":"2026-08-09T21:05:48.229198328Z","sequence_num":6,
         "events":[{"type":"snapshot","tickers":[{"type":"ticker","product_id":"BTC-USD",
         "price":"65086.18","volume_24_h":"2867.54532609","low_24_h":"64675.22",
         "high_24_h":"65252.99","low_52_w":"57717.55","high_52_w":"126296",
         "price_percent_chg_24_h":"0.09601107287722","best_bid":"65083.66","best_ask":"65083.67",
         "best_bid_quantity":"0.20371215","best_ask_quantity":"0.24290402"}]}]}

    The change is in percent.
    """
    timestamp = from_iso8601(message["timestamp"])
    return [
        ticks.ticker(
            exchange,
            symbol,
            received_ns,
            timestamp=timestamp,
            last=one["price"],
            volume=one["volume_24_h"],
            high=one["high_24_h"],
            low=one["low_24_h"],
            change_percent=ticks.some_number(one["price_percent_chg_24_h"]),
            bid=one.get("best_bid"),
            ask=one.get("best_ask"),
        )
        for event in message["events"]
        for one in event["tickers"]
    ]


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the best bid and ask of each ticker."""
    timestamp = from_iso8601(message["timestamp"])
    return [
        ticks.quote(
            exchange,
            symbol,
            received_ns,
            id=None,
            timestamp=timestamp,
            bid=one["best_bid"],
            bid_size=one["best_bid_quantity"],
            ask=one["best_ask"],
            ask_size=one["best_ask_quantity"],
        )
        for event in message["events"]
        for one in event["tickers"]
    ]


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int, Trade]]:
    """Return the trades of `market_trades` with their ids, oldest first.

    https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels#market-trades-channel::

        {"channel":"market_trades","timestamp":"2026-08-09T21:05:48.251397169Z","sequence_num":9,
         "events":[{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"1068572091",
         "price":"65083.67","size":"0.01034361","time":"2026-08-09T21:05:48.167634Z",
         "side":"SELL"}]}]}

    The newest is first. A subscription begins with the last 100 trades. Ids of a product skip no
    number.
    """
    found = [
        (
            (trade_id := integer(one["trade_id"])),
            ticks.trade(
                exchange,
                symbol,
                received_ns,
                id=trade_id,
                timestamp=from_iso8601(one["time"]),
                price_=one["price"],
                size_=one["size"],
                taker=TAKER[one["side"]],
            ),
        )
        for event in message["events"]
        for one in event["trades"]
    ]
    return sorted(found, key=lambda numbered: numbered[0])


def trades_request(_of: MarketType, market_id: str, _from_id: int, _with_key: bool) -> CcxtRequest:
    """Return the request for the newest trades: the page knows times, not ids.

    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/public/get-public-market-trades
    """
    return CcxtRequest(
        "v3PublicGetBrokerageMarketProductsProductIdTicker",
        {"product_id": market_id, "limit": PAGE},
    )


def trade_rows(answer: dict[str, Any]) -> list[Any]:
    """Return the rows of the page: `{"trades":[…],"best_bid":"…","best_ask":"…"}`."""
    rows: list[Any] = answer["trades"]
    return rows


def rest_trade(
    row: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> tuple[int, BackfilledTrade]:
    """Return the id and the trade of a row, which has the stream's keys.

    ::

        {"trade_id":"10092327","product_id":"BTC-USDT","price":"17488.12","size":"0.0000623",
         "time":"2023-01-11T00:52:37.557001Z","side":"BUY","bid":"","ask":""}
    """
    trade_id = integer(row["trade_id"])
    return trade_id, BackfilledTrade(
        symbol=symbol,
        timestamp=from_iso8601(row["time"]),
        price=ticks.price(row["price"]),
        size=ticks.size(row["size"]),
        side=TAKER[row["side"]],
        exchange=exchange,
        received_ns=received_ns,
        id=trade_id,
    )

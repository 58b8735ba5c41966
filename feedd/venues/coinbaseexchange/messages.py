"""Coinbase Exchange's raw messages, and the page of missed trades. Pure.

https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from feedd.clock import from_iso8601
from feedd.model import BackfilledTrade
from feedd.numbers import integer, number
from feedd.venues import ticks
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.model import Quote, Ticker, Trade
    from feedd.venues.market_type import MarketType

PAGE = 1000  # trades, the most that a page has
CONTROL_KEYS = frozenset({"type"})  # data has it too, and is found by its value
CHANNEL_OF = {"ticker": "ticker", "match": "trade", "last_match": "trade"}
# "The side field indicates the maker order side."
TAKER: dict[str, Literal["buy", "sell"]] = {"buy": "sell", "sell": "buy"}


def channel_of(message: Any) -> str | None:
    """Return the channel of a message."""
    kind = message.get("type") if isinstance(message, dict) else None
    return CHANNEL_OF.get(kind) if isinstance(kind, str) else None


def resubscribe(request: Any, _new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]}
    """
    return [{**request, "type": how} for how in ("unsubscribe", "subscribe")]


def refusal(message: Any) -> str | None:
    """Return why a request was refused.

    ::

        {"type":"error","message":"Failed to subscribe","reason":"X-Y is not a valid product"}
    """
    if not isinstance(message, dict) or message.get("type") != "error":
        return None
    parts = (message.get("message"), message.get("reason"))
    return "refused: " + ": ".join(str(part) for part in parts if part)


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of `ticker`, sent at every match; the change is since `open_24h`.

    ::

        {"type":"ticker","sequence":37475248783,"product_id":"ETH-USD","price":"1285.22",
         "open_24h":"1310.79","volume_24h":"245532.79269678","low_24h":"1280.52",
         "high_24h":"1313.8","volume_30d":"9788783.60117027","best_bid":"1285.04",
         "best_bid_size":"0.46688654","best_ask":"1285.27","best_ask_size":"1.56637040",
         "side":"buy","time":"2022-10-19T23:28:22.061769Z","trade_id":370843401,
         "last_size":"11.4396987"}
    """
    last, first = message["price"], message["open_24h"]
    change = None
    if number(first) > 0:
        change = float((Decimal(last) - Decimal(first)) / Decimal(first) * 100)
    return [
        ticks.ticker(
            exchange,
            symbol,
            received_ns,
            timestamp=from_iso8601(message["time"]),
            last=last,
            volume=message["volume_24h"],
            high=message["high_24h"],
            low=message["low_24h"],
            change_percent=change,
            bid=message["best_bid"],
            ask=message["best_ask"],
        )
    ]


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the best bid and ask of a ticker."""
    return [
        ticks.quote(
            exchange,
            symbol,
            received_ns,
            id=None,
            timestamp=from_iso8601(message["time"]),
            bid=message["best_bid"],
            bid_size=message["best_bid_size"],
            ask=message["best_ask"],
            ask_size=message["best_ask_size"],
        )
    ]


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int, Trade]]:
    """Return the trade of `match`, and of `last_match` with which a subscription begins.

    ::

        {"type":"match","trade_id":82047307,
         "maker_order_id":"0f358725-2134-435e-be11-753912a326e0",
         "taker_order_id":"252b7002-87a3-425c-ac73-f5b9e23f3caf","side":"sell",
         "size":"0.00513192","price":"9314.78","product_id":"BTC-USD","sequence":12038915443,
         "time":"2020-01-31T20:03:41.158814Z"}

    `side` is the maker's. Ids of a product skip no number.
    """
    trade_id = integer(message["trade_id"])
    return [
        (
            trade_id,
            ticks.trade(
                exchange,
                symbol,
                received_ns,
                id=trade_id,
                timestamp=from_iso8601(message["time"]),
                price_=message["price"],
                size_=message["size"],
                taker=TAKER[message["side"]],
            ),
        )
    ]


def trades_request(_of: MarketType, market_id: str, from_id: int, _with_key: bool) -> CcxtRequest:
    """Return the request for the trades from an id on: a page ends before `after`.

    https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-trades
    """
    return CcxtRequest(
        "publicGetProductsIdTrades", {"id": market_id, "limit": PAGE, "after": from_id + PAGE}
    )


def rest_trade(
    row: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> tuple[int, BackfilledTrade]:
    """Return the id and the trade of a row; its side is the maker's, too.

    ::

        {"trade_id":15035219,"side":"sell","size":"0.27426731","price":"268.48",
         "time":"2021-04-10T18:27:39.123456Z"}
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

"""Events from ccxt's structures: pure functions from its dicts.

https://docs.ccxt.com/#/?id=ticker-structure, https://docs.ccxt.com/#/?id=public-trades
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.clock import iso8601
from feedd.model import Book, Candle, Liquidation, Mark, Quote, Ticker, Trade
from feedd.numbers import check_numbers, exchange_id

if TYPE_CHECKING:
    from feedd.model import EventId


def to_ticker(parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Ticker:
    """Return a ticker of ccxt's structure (https://docs.ccxt.com/#/?id=ticker-structure).

    A bid or ask of 0 is an empty side.
    """
    names = ("bid", "ask", "last", "baseVolume", "high", "low", "percentage")
    check_numbers(*(parsed[name] for name in names))
    timestamp = parsed["timestamp"]
    return Ticker(
        symbol=symbol,
        timestamp=timestamp,
        datetime=None if timestamp is None else iso8601(timestamp),
        bid=parsed["bid"] or None,
        ask=parsed["ask"] or None,
        last=parsed["last"],
        volume=parsed["baseVolume"],
        high=parsed["high"],
        low=parsed["low"],
        change_percent=parsed["percentage"],
        spread=None,
        bid_ask="none",
        exchange=exchange,
        received_ns=received_ns,
    )


def to_quote(
    parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int, event_id: EventId
) -> Quote:
    """Return a quote of ccxt's ticker structure; raise ValueError if a size has no price."""
    for side in ("bid", "ask"):
        if parsed[side] is None and parsed[f"{side}Volume"]:
            raise ValueError(f"quote {event_id} has a size and no price as its {side}")
    check_numbers(parsed["bid"], parsed["bidVolume"], parsed["ask"], parsed["askVolume"])
    return Quote(
        symbol=symbol,
        timestamp=parsed["timestamp"],
        bid=parsed["bid"],
        bid_size=parsed["bidVolume"],
        ask=parsed["ask"],
        ask_size=parsed["askVolume"],
        exchange=exchange,
        received_ns=received_ns,
        id=event_id,
    )


def to_trade(parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Trade | None:
    """Return a trade of ccxt's structure; raise ValueError where it has no price or no size.

    None: the id does not belong to a trade of the market; some venues number fills of an insurance
    fund too, at price 0.
    """
    price, size = parsed["price"], parsed["amount"]
    if price == 0:
        return None
    if price is None or not size:
        raise ValueError(f"trade {parsed['id']} has price {price} and size {size}")
    check_numbers(price, size)
    return Trade(
        symbol=symbol,
        timestamp=parsed["timestamp"],
        price=price,
        size=size,
        side=parsed["side"],
        exchange=exchange,
        received_ns=received_ns,
        id=exchange_id(parsed["id"]),
    )


def to_book(
    parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int, depth: int
) -> Book:
    """Return a copy of the best levels of ccxt's live order book; ValueError where it is crossed.

    https://docs.ccxt.com/#/?id=order-book-structure
    """
    bids = [(row[0], row[1]) for row in parsed["bids"][:depth]]
    asks = [(row[0], row[1]) for row in parsed["asks"][:depth]]
    for row in (*bids, *asks):
        check_numbers(*row)
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise ValueError(f"the book is crossed: bid {bids[0][0]}, ask {asks[0][0]}")
    return Book(
        symbol=symbol,
        timestamp=parsed.get("timestamp"),
        bids=bids,
        asks=asks,
        exchange=exchange,
        received_ns=received_ns,
        id=parsed.get("nonce"),
    )


def to_candle(
    row: list[Any], exchange: str, symbol: str, received_ns: int, timeframe: str
) -> Candle:
    """Return a candle of ccxt's row: open time in ms, open, high, low, close, volume.

    https://docs.ccxt.com/#/?id=ohlcv-structure. It does not contain whether the candle is closed.
    """
    check_numbers(*row[1:6])
    return Candle(
        symbol=symbol,
        timestamp=None,
        timeframe=timeframe,
        open_time=row[0],
        open=row[1],
        high=row[2],
        low=row[3],
        close=row[4],
        volume=row[5],
        closed=None,
        exchange=exchange,
        received_ns=received_ns,
    )


def to_mark(parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Mark:
    """Return the mark and index price of ccxt's ticker structure, which knows no funding."""
    check_numbers(parsed.get("markPrice"), parsed.get("indexPrice"))
    return Mark(
        symbol=symbol,
        timestamp=parsed["timestamp"],
        mark_price=parsed.get("markPrice"),
        index_price=parsed.get("indexPrice"),
        funding_rate=None,
        next_funding=None,
        exchange=exchange,
        received_ns=received_ns,
    )


def to_liquidation(
    parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> Liquidation:
    """Return a liquidation of ccxt's structure; raise ValueError if it has no price or no size."""
    price, size, side = parsed["price"], parsed["contracts"], parsed["side"]
    if not price or not size:
        raise ValueError(f"a liquidation has price {price} and size {size}")
    check_numbers(price, size)
    return Liquidation(
        symbol=symbol,
        timestamp=parsed["timestamp"],
        side=side,
        price=price,
        size=size,
        exchange=exchange,
        received_ns=received_ns,
    )

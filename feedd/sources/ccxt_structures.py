"""What ccxt's structures mean to feedd: pure functions from its dicts to events.

https://docs.ccxt.com/#/?id=ticker-structure, https://docs.ccxt.com/#/?id=public-trades
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.clock import iso8601
from feedd.model import Quote, Ticker, Trade

if TYPE_CHECKING:
    from feedd.model import EventId


def to_ticker(parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Ticker:
    """Return a ticker of ccxt's structure (https://docs.ccxt.com/#/?id=ticker-structure).

    On Binance USD-M it comes of `<symbol>@ticker`, which has no bid and no ask::

        {"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","p":"-131.40","P":"-0.786",
         "w":"16628.97","c":"16584.60","Q":"0.002","o":"16716.00","h":"16764.89","l":"16456.51",
         "v":"122474.816","q":"2036102085.69","O":1672429382136,"C":1672515782136,"F":2289691,
         "L":2432543,"n":142853}

    `timestamp` is its C, the time of the last trade counted.
    """
    timestamp = parsed["timestamp"]
    return Ticker(
        symbol=symbol,
        timestamp=timestamp,
        datetime=None if timestamp is None else iso8601(timestamp),
        bid=parsed["bid"],
        ask=parsed["ask"],
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
    parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int, id_key: str | None
) -> Quote:
    """Return a quote of ccxt's ticker structure.

    On Binance it comes of `<symbol>@bookTicker`, and its id is u::

        {"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507",
         "a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313}
    """
    return Quote(
        symbol=symbol,
        timestamp=parsed["timestamp"],
        bid=parsed["bid"],
        bid_size=parsed["bidVolume"],
        ask=parsed["ask"],
        ask_size=parsed["askVolume"],
        exchange=exchange,
        received_ns=received_ns,
        id=None if id_key is None else parsed["info"].get(id_key),
    )


def to_trade(parsed: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Trade:
    """Return a trade of ccxt's structure; raise ValueError where it has no price or no size.

    On Binance it comes of `<symbol>@trade`; its id is t, and m (the buyer was the maker) true
    means that the taker sold::

        {"e":"trade","E":1723161256322,"T":1723161256322,"s":"BTCUSDT","t":5266583935,
         "p":"61800.30","q":"0.006","X":"MARKET","m":false}
    """
    price, size = parsed["price"], parsed["amount"]
    if not price or not size:
        # Binance sends fills of the insurance fund at price 0: no trade of the market.
        raise ValueError(f"trade {parsed['id']} has price {price} and size {size}")
    return Trade(
        symbol=symbol,
        timestamp=parsed["timestamp"],
        price=price,
        size=size,
        side=parsed["side"],
        exchange=exchange,
        received_ns=received_ns,
        id=_exchange_id(parsed["id"]),
    )


def _exchange_id(text: str | None) -> EventId:
    """Return an id as a number where the exchange counts: ccxt makes text of every id."""
    if text is not None and text.isdecimal() and len(text) < 19:
        return int(text)
    return text

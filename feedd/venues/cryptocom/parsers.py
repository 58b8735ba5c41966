"""Pure parsers of Crypto.com's raw messages."""

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
    """Return the ticker of `ticker.<instrument>`.

    https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#ticker-instrument_name::

        {"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP",
         "subscription":"ticker.BTCUSD-PERP","channel":"ticker",
         "data":[{"h":"51790.00","l":"47895.50","a":"51174.500000","c":"0.03955106",
                  "b":"51170.000000","bs":"0.1000","k":"51180.000000","ks":"0.2000",
                  "i":"BTCUSD-PERP","v":"879.5024","vv":"26370000.12","oi":"12345.12",
                  "t":1613580710768}]}}

    `a` is the price of the last trade, `c` the change in 24 h as a fraction, null without trades.
    """
    return [
        ticker(
            exchange, symbol, received_ns,
            timestamp=integer(row["t"]),
            last=row["a"],
            volume=row["v"],
            high=row["h"],
            low=row["l"],
            change_percent=_percent(row["c"]),
            bid=row["b"],
            ask=row["k"],
        )
        for row in message["result"]["data"]
    ]  # fmt: skip


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quote in the message of `tickers`: b, bs, k and ks."""
    return [
        quote(
            exchange, symbol, received_ns,
            id=None,
            timestamp=integer(row["t"]),
            bid=row["b"],
            bid_size=row.get("bs"),
            ask=row["k"],
            ask_size=row.get("ks"),
        )
        for row in message["result"]["data"]
    ]  # fmt: skip


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Trade]:
    """Return the trades of `trade.<instrument>`, oldest first; a message has the newest first.

    https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#trade-instrument_name::

        {"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP",
         "subscription":"trade.BTCUSD-PERP","channel":"trade",
         "data":[{"d":"2030407068","t":1613581138462,"p":"51327.500000","q":"0.000100",
                  "s":"SELL","i":"BTCUSD-PERP","m":"4611686018455978480"}]}}

    `d` is the trade's id, `s` the taker's side. The first message has earlier trades, up to 150.
    """
    return [
        trade(
            exchange, symbol, received_ns,
            id=event_id(row["d"]),
            timestamp=integer(row["t"]),
            price_=row["p"],
            size_=row["q"],
            taker=side(row["s"]),
        )
        for row in oldest_first(message["result"]["data"], "t")
    ]  # fmt: skip


def _percent(fraction: Any) -> float | None:
    if fraction is None or fraction == "":
        return None
    return float(Decimal(plain_text(str(fraction))) * 100)

"""Names: topics on the wire, programs under supervisord, symbols as people write them."""

from __future__ import annotations

import re

# Exchanges that list only contracts settled in the quote currency: there `BTC/USDT`
# can mean nothing but `BTC/USDT:USDT`.
LINEAR_ONLY = frozenset({"binanceusdm"})


def topic(channel: str, exchange: str, symbol: str) -> str:
    """Return `<channel>.<exchange>.<symbol>.`: a prefix that brings this symbol and no other.

    The dot at the end keeps `BTC/USDT:USDT` from bringing `BTC/USDT:USDT-260327` too.
    """
    return f"{channel}.{exchange}.{symbol}."


def unified_symbol(exchange: str, symbol: str) -> str:
    """Return ccxt's unified name: on `binanceusdm`, `BTC/USDT` is `BTC/USDT:USDT`."""
    if exchange in LINEAR_ONLY and ":" not in symbol and "/" in symbol:
        return f"{symbol}:{symbol.partition('/')[2]}"
    return symbol


def program_name(exchange: str, symbol: str) -> str:
    """Return the supervisord program of a symbol, e.g. `feed-binanceusdm-BTC-USDT-USDT`."""
    return f"feed-{exchange}-{file_name(symbol)}"


def file_name(text: str) -> str:
    """Return text with each run of other than letters and digits as one `-`."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text)


def market_id(symbol: str) -> str:
    """Return Binance's id of a symbol: `BTC/USDT:USDT` is BTCUSDT, which stays as it is."""
    return symbol.partition(":")[0].replace("/", "").upper()

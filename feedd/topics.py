"""Names: topics on the wire, programs under supervisord, symbols as people write them."""

from __future__ import annotations

import re


def topic(channel: str, exchange: str, symbol: str) -> str:
    """Return `<channel>.<exchange>.<symbol>.`: a prefix that brings this symbol and no other.

    The dot at the end keeps `BTC/USDT:USDT` from bringing `BTC/USDT:USDT-260327` too.
    """
    return f"{channel}.{exchange}.{symbol}."


def program_name(exchange: str, symbol: str) -> str:
    """Return the supervisord program of a symbol, `feed-<exchange>-BTC-USDT-USDT`."""
    return f"feed-{exchange}-{file_name(symbol)}"


def file_name(text: str) -> str:
    """Return text with each run of other than letters and digits, of any script, as one `-`."""
    return re.sub(r"[\W_]+", "-", text)


def market_id(symbol: str) -> str:
    """Return a symbol's usual id: BTCUSDT for `BTC/USDT:USDT` and for itself."""
    return symbol.partition(":")[0].replace("/", "").upper()

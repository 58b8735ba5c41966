"""The type of a market, from ccxt's unified symbol."""

from __future__ import annotations

from typing import Literal, get_args

MarketType = Literal["spot", "linear", "inverse"]
MARKET_TYPES: tuple[MarketType, ...] = get_args(MarketType)


def market_type(symbol: str) -> MarketType:
    """Return the type of a unified symbol: `BTC/USDT`, `BTC/USDT:USDT` or `BTC/USD:BTC`."""
    pair, _, settle = symbol.partition(":")
    if not settle:
        return "spot"
    return "linear" if settle.partition("-")[0] == pair.partition("/")[2] else "inverse"

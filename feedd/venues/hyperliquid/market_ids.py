"""Hyperliquid's names of markets: BTC, xyz:NVDA (of another operator), PURR/USDC, @107 (spot)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that a name can mean; only the list knows that of `@107`."""
    if "/" in id_:
        return [id_.upper()] if of in {None, "spot"} else []
    base = id_.replace(":", "-", 1).upper()
    if not base.replace("-", "", 1).isalnum() or of not in {None, "linear"}:
        return []
    return [f"{base}/USDC:USDC"]


def market_id(_exchange: str, symbol: str) -> str:
    """Return the name of a market with a unified symbol, in capitals."""
    pair, _, settle = symbol.partition(":")
    return pair.partition("/")[0].replace("-", ":", 1) if settle else pair


def listed_type(symbol: str) -> str:
    """Return ccxt's name of the list of markets that contains a symbol."""
    pair, _, settle = symbol.partition(":")
    if not settle:
        return "spot"
    return "hip3" if "-" in pair.partition("/")[0] else "swap"

"""Hyperliquid's names of markets: BTC, xyz:NVDA (of another operator), PURR/USDC, @107 (spot)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.venues.market_ids import split_by_quote
from feedd.venues.registry import QUOTES

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that a name can mean; only the list knows that of `@107`."""
    if "/" in id_:
        return [id_.upper()] if of in {None, "spot"} else []
    base = id_.replace(":", "-", 1).upper()
    pair = split_by_quote(base, QUOTES)  # of another exchange
    if pair or not base.replace("-", "", 1).isalnum() or of not in {None, "linear"}:
        return []
    return [f"{base}/USDC:USDC"]


def listed_type(symbol: str) -> str:
    """Return ccxt's name of the list of markets that contains a symbol."""
    pair, _, settle = symbol.partition(":")
    if not settle:
        return "spot"
    return "hip3" if "-" in pair.partition("/")[0] else "swap"

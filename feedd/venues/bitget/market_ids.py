"""Bitget's ids of markets: BTCUSDT (spot or linear), BTCPERP (USDC), BTCUSD (inverse)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.venues.market_ids import split_by_quote

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

SPOT_QUOTES = ("USDT", "USDC", "BTC", "ETH", "EUR", "BRL", "BGB")


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean."""
    if not id_.isalnum():
        return []
    found = []
    if of in {None, "spot"}:
        found += [f"{base}/{quote}" for base, quote in split_by_quote(id_, SPOT_QUOTES)]
    if of in {None, "linear"}:
        found += [f"{base}/USDT:USDT" for base, _ in split_by_quote(id_, ("USDT",))]
        found += [f"{base}/USDC:USDC" for base, _ in split_by_quote(id_, ("PERP",))]
    if of in {None, "inverse"}:
        found += [f"{base}/USD:{base}" for base, _ in split_by_quote(id_, ("USD",))]
    return found

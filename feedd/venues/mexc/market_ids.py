"""MEXC's ids of markets: BTCUSDT (spot), BTC_USDT (linear), BTC_USD (inverse)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.venues.market_ids import split_by_quote

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

SPOT_QUOTES = ("USDT", "USDC", "USD1", "BTC", "ETH", "EUR")


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean."""
    base, separated, quote = id_.partition("_")
    if separated:
        inverse = quote == "USD"
        if not base.isalnum() or not quote.isalnum() or of == "spot":
            return []
        if of is not None and of != ("inverse" if inverse else "linear"):
            return []
        return [f"{base}/{quote}:{base if inverse else quote}"]
    if of not in {None, "spot"} or not id_.isalnum():
        return []
    return [f"{base}/{quote}" for base, quote in split_by_quote(id_, SPOT_QUOTES)]

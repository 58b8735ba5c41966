"""HTX's ids of markets: btcusdt, BTC-USDT (linear), BTC-USD (inverse), BTC-USDT-260327."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.venues.market_ids import split_by_quote

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

SPOT_QUOTES = (
    "USDT", "USDC", "USDD", "HUSD", "TUSD", "USD", "BTC", "ETH", "HT", "TRX", "EUR", "GBP", "TRY",
    "BRL", "RUB", "UAH",
)  # fmt: skip
_SWAP = re.compile(r"([A-Z0-9]+)-(USDT|USD)(?:-(\d{6}))?")


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean."""
    swap = _SWAP.fullmatch(id_)
    if swap is not None:
        base, quote, expiry = swap.groups()
        if of not in {None, "linear" if quote == "USDT" else "inverse"}:
            return []
        end = f"-{expiry}" if expiry else ""
        return [f"{base}/{quote}:{quote if quote == 'USDT' else base}{end}"]
    if of not in {None, "spot"} or not id_.isalnum():
        return []
    return [f"{base}/{quote}" for base, quote in split_by_quote(id_.upper(), SPOT_QUOTES)]

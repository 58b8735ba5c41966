"""Kraken Futures' ids: PI_XBTUSD (inverse), PF_XBTUSD (linear), FI_ETHUSD_211231 (with a date)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.venues.market_type import market_type

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

ASSETS = {"XBT": "BTC"}
_ID = re.compile(r"([PF])([IF])_([A-Z0-9]+)USD(?:_(\d{6}))?", re.IGNORECASE)


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return the unified symbol of an id, if it is one of these."""
    match = _ID.fullmatch(id_)
    if match is None or (match[1].upper() == "F") != (match[4] is not None):
        return []
    base = ASSETS.get(match[3].upper(), match[3].upper())
    symbol = f"{base}/USD:{base if match[2].upper() == 'I' else 'USD'}"
    if match[4] is not None:
        symbol += f"-{match[4]}"
    return [symbol] if of in {None, market_type(symbol)} else []

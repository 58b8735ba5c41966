"""Kraken's names of markets: XBT/USD in messages of v1, XXBTZUSD or XBTUSD in the listing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

ASSETS = {"XBT": "BTC", "XDG": "DOGE"}
_NAME = re.compile(r"([A-Z0-9]+)/([A-Z0-9]+)")
_OLD_ID = re.compile(r"X([A-Z]{3})[XZ]([A-Z]{3})")
_SHORT_ID = re.compile(r"(XBT|XDG)(USDT|USDC|[A-Z]{3})")


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return the unified symbol of an id, if it is one of these."""
    if of not in {None, "spot"}:
        return []
    # Other exchanges have derivatives with short ids: XBTUSD.
    forms = (_NAME, _OLD_ID, _SHORT_ID) if of == "spot" else (_NAME, _OLD_ID)
    match = next(filter(None, (form.fullmatch(id_) for form in forms)), None)
    if match is None:
        return []
    base, quote = (ASSETS.get(asset, asset) for asset in match.groups())
    return [f"{base}/{quote}"]

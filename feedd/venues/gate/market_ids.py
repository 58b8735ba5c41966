"""Gate's ids of markets: BTC_USDT (spot or linear), BTC_USD (inverse), BTC_USDT_20260327."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

_ID = re.compile(r"([A-Z0-9]+)_([A-Z0-9]+?)(?:_20(\d{6}))?")
_INVERSE_BASE = "BTC"  # the only currency besides USDT that contracts are settled in


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean."""
    match = _ID.fullmatch(id_)
    if match is None:
        return []
    base, quote, expiry = match.groups()
    found = []
    if of in {None, "spot"} and expiry is None:
        found.append(f"{base}/{quote}")
    if of in {None, "linear"} and quote == "USDT":
        found.append(f"{base}/USDT:USDT" + (f"-{expiry}" if expiry else ""))
    if of in {None, "inverse"} and quote == "USD":
        found.append(f"{base}/USD:{_INVERSE_BASE}" + (f"-{expiry}" if expiry else ""))
    return found

"""Crypto.com's ids of markets: BTC_USDT (spot), BTCUSD-PERP, BTCUSD-210528m2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

_SPOT = re.compile(r"([A-Z0-9]+)_([A-Z0-9]+)")
_DERIVED = re.compile(r"([A-Z0-9]+)USD-(?:PERP|(\d{6})(?:[mt]\d+)?)")


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean."""
    spot, derived = _SPOT.fullmatch(id_), _DERIVED.fullmatch(id_)
    if spot is not None and of in {None, "spot"}:
        return [f"{spot[1]}/{spot[2]}"]
    if derived is not None and of in {None, "linear"}:
        return [f"{derived[1]}/USD:USD" + (f"-{derived[2]}" if derived[2] else "")]
    return []

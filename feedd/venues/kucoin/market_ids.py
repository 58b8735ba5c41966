"""KuCoin's ids of markets: BTC-USDT, XBTUSDTM (linear), XBTUSDM (inverse)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

CODES = {"XBT": "BTC", "BCHSV": "BSV"}  # ids of assets that mean another code
_SPOT = re.compile(r"([A-Z0-9]+)-([A-Z0-9]+)")
_FUTURES = re.compile(r"([A-Z0-9]+?)(USDT|USDC|USD)M")


def symbols(exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean."""
    spot = _SPOT.fullmatch(id_)
    if spot is not None and of in {None, "spot"} and exchange == "kucoin":
        return [f"{_code(spot[1])}/{_code(spot[2])}"]
    futures = _FUTURES.fullmatch(id_)
    if futures is None:
        return []
    base, quote = _code(futures[1]), futures[2]
    if quote == "USD":
        return [f"{base}/USD:{base}"] if of in {None, "inverse"} else []
    return [f"{base}/{quote}:{quote}"] if of in {None, "linear"} else []


def _code(asset: str) -> str:
    return CODES.get(asset, asset)

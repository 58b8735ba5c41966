"""OKX's ids of markets: BTC-USDT, BTC-USDT-SWAP, BTC-USD-260327, BTC-USD-260327-60000-C."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.venues.market_type import market_type

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

CODES = {"AE": "AET", "XBT": "BTC", "BCHSV": "BSV"}  # ids of assets that mean another code
_IDS = {code: asset for asset, code in CODES.items() if code != "BTC"}
_ID = re.compile(r"([A-Z0-9]+)-([A-Z0-9]+)(?:-(SWAP|\d{6}(?:-[\d.]+-[CP])?))?")


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return the unified symbol that an id means; contracts in USD are settled in the base."""
    match = _ID.fullmatch(id_)
    if match is None:
        return []
    base, quote = (CODES.get(asset, asset) for asset in match.group(1, 2))
    symbol = f"{base}/{quote}"
    if match[3] is not None:
        symbol += f":{base if quote == 'USD' else quote}"
        symbol += "" if match[3] == "SWAP" else f"-{match[3]}"
    return [symbol] if of in {None, market_type(symbol)} else []


def market_id(_exchange: str, symbol: str) -> str:
    """Return the id of a market with a unified symbol."""
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    _, _, expiry = settle.partition("-")
    spot = f"{_IDS.get(base, base)}-{_IDS.get(quote, quote)}"
    return f"{spot}-{expiry or 'SWAP'}" if settle else spot


def instrument_type(id_: str) -> str:
    """Return the venue's name of the type of a contract."""
    return "SWAP" if id_.endswith("-SWAP") else "FUTURES"


def listed_type(symbol: str) -> str:
    """Return ccxt's name of the list of markets that contains a symbol."""
    settle = symbol.partition(":")[2]
    if not settle:
        return "spot"
    return {0: "swap", 1: "future"}.get(settle.count("-"), "option")

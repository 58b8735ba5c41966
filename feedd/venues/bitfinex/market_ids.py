"""Bitfinex's ids of markets: tBTCUSD, tAVAX:USD (spot), tBTCF0:USTF0 (linear).

The codes of some assets are of three letters: https://docs.bitfinex.com/docs/introduction
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.venues.market_type import market_type

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

_ID = re.compile(r"t(?:([A-Z0-9]{3})([A-Z]{3})|([A-Z0-9]+):([A-Z0-9]+))")
# As ccxt names them.
CODES = {
    "ALG": "ALGO", "AMP": "AMPL", "ATO": "ATOM", "BCHABC": "XEC", "BCHN": "BCH", "DAT": "DATA",
    "DOG": "MDOGE", "DSH": "DASH", "EDO": "PNT", "EUS": "EURS", "EUT": "EURT", "HTX": "HT",
    "IDX": "ID", "IOT": "IOTA", "IQX": "IQ", "LUNA": "LUNC", "LUNA2": "LUNA", "MNA": "MANA",
    "PAS": "PASS", "QSH": "QASH", "QTM": "QTUM", "RBT": "RBTC", "SNG": "SNGLS", "STJ": "STORJ",
    "TERRAUST": "USTC", "TSD": "TUSD", "UDC": "USDC", "UST": "USDT", "VSY": "VSYS",
    "WAX": "WAXP", "XCH": "XCHF", "YGG": "YEED", "YYW": "YOYOW", "ZBT": "ZB",
}  # fmt: skip


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean."""
    match = _ID.fullmatch(id_)
    if match is None:
        return []
    base, quote = match[1] or match[3], match[2] or match[4]
    derived = base.endswith("F0") and quote.endswith("F0")
    base, quote = (_code(one.removesuffix("F0") if derived else one) for one in (base, quote))
    symbol = f"{base}/{quote}:{quote}" if derived else f"{base}/{quote}"
    return [symbol] if of in {None, market_type(symbol)} else []


def _code(asset: str) -> str:
    return CODES.get(asset, asset)

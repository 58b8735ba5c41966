"""Unified symbols of an exchange's ids, by the rules that the venue's ids follow, offline.

A venue whose ids are known has a module `feedd/venues/<venue>/market_ids.py` with
`symbols(exchange, id_, of)`, which returns every unified symbol that an id can mean; an id is
understood if it is one. `of` is the type of the market where that is known. Where ids differ from
`feedd.topics.market_id`, it has `market_id(exchange, symbol)` too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.topics import market_id
from feedd.venues.registry import EMBEDDED, FOLDER_OF, venue_module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.venues.market_type import MarketType

# BASE/QUOTE, BASE/QUOTE:SETTLE, BASE/QUOTE:SETTLE-YYMMDD, …-STRIKE-C
UNIFIED = re.compile(r"[^\s/:.]+/[^\s/:.]+(:[^\s/:-]+(-\d{6}(-[\d.]+-[CP])?)?)?")

# A spot market's id whose currencies are separated: BTC-USDT, BTC_USDT, XBT/USD.
_SEPARATED = re.compile(r"([A-Z0-9]+)[-_/]([A-Z0-9]+)")
_CODES = {"XBT": "BTC", "XDG": "DOGE"}  # ids of assets that mean another code


def is_unified(symbol: str) -> bool:
    """Whether a text has the form of ccxt's unified symbols."""
    return UNIFIED.fullmatch(symbol) is not None


def symbols_of(exchange: str | None, id_: str, of: MarketType | None = None) -> list[str]:
    """Return the unified symbols that an id can mean on an exchange, or on any known one."""
    exchanges = [exchange] if exchange is not None else list(FOLDER_OF)
    found: list[str] = []
    for name in exchanges:
        ids = venue_module(name, "market_ids")
        if ids is not None:
            symbols = ids.symbols(name, id_, of)
            # A currency's name alone means a market only where the exchange is known.
            found += [one for one in symbols if exchange or not one.startswith(f"{id_}/")]
    if not found and of == "spot":
        match = _SEPARATED.fullmatch(id_)
        found += [] if match is None else [f"{_code(match[1])}/{_code(match[2])}"]
    return list(dict.fromkeys(found))


def id_of(exchange: str, symbol: str) -> str:
    """Return the id that a symbol has on an exchange by its rules: BTCUSD_PERP of BTC/USD:BTC."""
    own = getattr(venue_module(exchange, "market_ids"), "market_id", None)
    return market_id(symbol) if own is None else own(exchange, symbol)


def embedded_ids(symbol: str) -> frozenset[str]:
    """Return the ids that a symbol has on the exchanges that are embedded."""
    return frozenset(id_of(exchange, symbol) for exchange in EMBEDDED)


def split_by_quote(id_: str, quotes: Iterable[str]) -> list[tuple[str, str]]:
    """Return each base and quote currency of an id whose quote is one of `quotes`."""
    return [
        (id_[: -len(quote)], quote)
        for quote in quotes
        if id_.endswith(quote) and id_[: -len(quote)].isalnum()
    ]


def _code(asset: str) -> str:
    return _CODES.get(asset, asset)

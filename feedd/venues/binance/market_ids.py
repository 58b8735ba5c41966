"""Binance's ids of markets: BTCUSDT, BTCUSDT_260327, BTCUSD_PERP.

An id has no separator between its currencies: BTCTUSD is BTC/TUSD, or BTCT/USD.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.venues.binance.listing import CODES
from feedd.venues.market_ids import split_by_quote
from feedd.venues.market_type import market_type

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

# The currencies that Binance's spot markets are or were quoted in, and those that an id could
# be taken for.
SPOT_QUOTES = (
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "RLUSD", "XUSD", "BFUSD", "USD1", "USD", "USDS", "UST",
    "PAX", "VAI", "DAI", "BKRW", "IDRT", "BIDR", "BVND", "BTC", "ETH", "BNB", "XRP", "TRX", "DOGE",
    "DOT", "SOL", "EUR", "AEUR", "EURI", "GBP", "AUD", "BRL", "ARS", "MXN", "COP", "CZK", "PLN",
    "RON", "RUB", "TRY", "UAH", "NGN", "ZAR", "JPY", "KZT",
)  # fmt: skip
USDM_QUOTES = ("USDT", "USDC", "BUSD", "USD1", "BTC", "ETH", "BNB")

_COINM = re.compile(r"(.+)USD_(PERP|\d{6})")
_USDM = re.compile(r"(.+?)(?:_(\d{6}))?")


def is_coinm(id_: str) -> bool:
    """Whether an id is COIN-M's: no other market has such ids."""
    return _COINM.fullmatch(id_) is not None


def symbols(exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean; `binance` has all types of markets."""
    coin = _COINM.fullmatch(id_)
    if coin is not None:
        if exchange == "binanceusdm" or of not in {None, "inverse"}:
            return []
        base = _code(coin[1])
        return [f"{base}/USD:{base}" + ("" if coin[2] == "PERP" else f"-{coin[2]}")]
    if exchange == "binancecoinm" or of == "inverse":
        return []
    found = []
    if exchange == "binance" and of in {None, "spot"} and "_" not in id_:
        pairs = split_by_quote(id_, SPOT_QUOTES)
        found += [f"{_code(base)}/{_code(quote)}" for base, quote in pairs]
    if of in {None, "linear"}:
        match = _USDM.fullmatch(id_)
        if match is not None:
            expiry = f"-{match[2]}" if match[2] else ""
            found += [
                f"{_code(base)}/{quote}:{quote}{expiry}"
                for base, quote in split_by_quote(match[1], USDM_QUOTES)
            ]
    return found


def market_id(_exchange: str, symbol: str) -> str:
    """Return a symbol's id; a text that is no unified symbol is taken as an id."""
    pair, _, settle = symbol.partition(":")
    id_ = pair.replace("/", "").upper()
    _, _, expiry = settle.partition("-")
    if market_type(symbol) == "inverse":
        return f"{id_}_{expiry or 'PERP'}"
    return f"{id_}_{expiry}" if expiry else id_


def _code(asset: str) -> str:
    return CODES.get(asset, asset)

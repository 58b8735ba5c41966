"""The venues, by ccxt's exchange names. A venue's modules are imported when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from feedd.venues.contract import Venue


# folder: ccxt's names of the exchanges that it describes
VENUES = {
    "binance": ("binance", "binanceusdm", "binancecoinm"),
    "bybit": ("bybit",),
}
FOLDER_OF = {exchange: folder for folder, exchanges in VENUES.items() for exchange in exchanges}

DEFAULT_EXCHANGE = "binanceusdm"
# The exchanges that the native source serves, with their folders' `native.py`.
NATIVE = ("binanceusdm", "binance")
EMBEDDED_SPOT_PATH = "/spot"
EmbeddedMarket = Literal["usdm", "spot", "bybit"]  # what the embedded exchange serves
# Exchanges that list only contracts settled in the quote currency: there `BTC/USDT` is
# short for `BTC/USDT:USDT`.
LINEAR_ONLY = frozenset({"binanceusdm"})

# Exchanges whose names begin with one of these share an API key, in variables with this prefix.
KEY_PREFIXES = ("binance",)


@cache
def venue(exchange: str) -> Venue:
    """Return the description of an exchange; the default one where it has no folder."""
    folder = FOLDER_OF.get(exchange)
    if folder is None:
        # Imported here: the native source, which also uses this table, does not need it.
        from feedd.venues.contract import Venue  # noqa: PLC0415

        return Venue()
    found: Venue = import_module(f"feedd.venues.{folder}.venue").VENUE
    return found


def venue_module(exchange: str, name: str) -> Any:
    """Return the module `name` of an exchange's folder, or None where it has none."""
    folder = FOLDER_OF.get(exchange)
    return None if folder is None else _module(folder, name)


def venue_modules(name: str) -> list[Any]:
    """Return the module `name` of every venue that has one."""
    modules = (_module(folder, name) for folder in VENUES)
    return [module for module in modules if module is not None]


def _module(folder: str, name: str) -> Any:
    path = f"feedd.venues.{folder}.{name}"
    return None if find_spec(path) is None else import_module(path)


def embedded_path(exchange: str, symbol: str) -> str:
    """Return the path below which the embedded exchange serves a symbol.

    Binance spot has one of its own, since its paths are also USD-M's.
    """
    return EMBEDDED_SPOT_PATH if exchange == "binance" and ":" not in symbol else ""


def unified_symbol(exchange: str, symbol: str) -> str:
    """Return ccxt's unified name: on `binanceusdm`, `BTC/USDT` is `BTC/USDT:USDT`."""
    if exchange in LINEAR_ONLY and ":" not in symbol and "/" in symbol:
        return f"{symbol}:{symbol.partition('/')[2]}"
    return symbol

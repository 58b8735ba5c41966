"""The venues, by ccxt's exchange names. A venue's modules are imported when it is asked for."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_args

from feedd.venues.market_type import MarketType, market_type

if TYPE_CHECKING:
    from feedd.venues.contract import Venue

# folder: ccxt's names of the exchanges that it describes
VENUES = {
    "binance": ("binance", "binanceusdm", "binancecoinm"),
    "bitfinex": ("bitfinex",),
    "bitget": ("bitget",),
    "bybit": ("bybit",),
    "coinbase": ("coinbase",),
    "coinbaseexchange": ("coinbaseexchange",),
    "cryptocom": ("cryptocom",),
    "deribit": ("deribit",),
    "gate": ("gate",),
    "htx": ("htx",),
    "hyperliquid": ("hyperliquid",),
    "kraken": ("kraken",),
    "krakenfutures": ("krakenfutures",),
    "kucoin": ("kucoin", "kucoinfutures"),
    "mexc": ("mexc",),
    "okx": ("okx", "okxus", "myokx"),
}
FOLDER_OF = {exchange: folder for folder, exchanges in VENUES.items() for exchange in exchanges}

DEFAULT_EXCHANGE = "binanceusdm"
# The exchanges that the native source serves, with their folders' `native.py`.
NATIVE = (
    "binanceusdm", "binancecoinm", "binance", "bybit", "okx", "okxus", "myokx", "hyperliquid",
)  # fmt: skip
EMBEDDED_SPOT_PATH = "/spot"
EMBEDDED_COINM_PATH = "/coinm"
EMBEDDED_BYBIT_PATHS = {"spot": "/bybit-spot", "inverse": "/bybit-inverse"}
# What the embedded exchange serves.
EmbeddedMarket = Literal["usdm", "coinm", "spot", "bybit", "bybit_spot", "bybit_inverse"]
# The exchanges whose markets these are.
EMBEDDED = ("binance", "binanceusdm", "binancecoinm", "bybit")
# The exchanges whose recordings are played by the markets that are generated otherwise.
RECORDED = VENUES["binance"]
# Exchanges whose name means one type of market. Where that is linear, `BTC/USDT` is short for
# `BTC/USDT:USDT`.
ONLY: dict[str, MarketType] = {"binanceusdm": "linear", "binancecoinm": "inverse"}

# The quote currencies of most markets, the commonest first.
QUOTES = ("USDT", "USDC", "FDUSD", "USD", "BTC", "ETH", "BNB", "EUR", "TRY", "JPY")

# Exchanges whose names begin with one of these share an API key, in variables with this prefix.
KEY_PREFIXES = ("binance",)


@cache
def venue(exchange: str, symbol: str) -> Venue:
    """Return the description of a symbol's market; the default one where there is no folder.

    A folder's `venue.py` has one `VENUE` for all markets of the venue, or `VENUES`, by market type.
    """
    folder = FOLDER_OF.get(exchange)
    if folder is not None:
        module = import_module(f"feedd.venues.{folder}.venue")
        found = getattr(module, "VENUE", None) or module.VENUES.get(
            market_type_on(exchange, symbol)
        )
        if found is not None:
            return found  # type: ignore[no-any-return]  # of a module that mypy does not see
    # Imported here: the native source, which also uses this table, does not need it.
    from feedd.venues.contract import Venue  # noqa: PLC0415

    return Venue()


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


def played_name(exchange: str) -> str:
    """Return the name of the market that plays an exchange's recordings: not a generated one's."""
    return f"{exchange}_played" if exchange in get_args(EmbeddedMarket) else exchange


def embedded_path(exchange: str, symbol: str, *, played: bool = False) -> str:
    """Return the path below which the embedded exchange serves a symbol.

    Binance spot and COIN-M have one each of their own, since their paths are also USD-M's; so have
    Bybit spot and inverse, whose pages are also linear's, and each exchange whose recording is
    `played`: venues have paths in common.
    """
    if played:
        return f"/{exchange}"
    if exchange == "bybit":
        return EMBEDDED_BYBIT_PATHS.get(market_type_on(exchange, symbol), "")
    if not exchange.startswith("binance"):
        return ""
    paths = {"spot": EMBEDDED_SPOT_PATH, "inverse": EMBEDDED_COINM_PATH}
    return paths.get(market_type_on(exchange, symbol), "")


def market_type_on(exchange: str, symbol: str) -> MarketType:
    """Return the type of market that a symbol is looked for in; the symbol may be mistyped."""
    return ONLY.get(exchange) or market_type(symbol)


def market_list_on(exchange: str, symbol: str) -> str:
    """Return ccxt's name of the type of market in whose list a symbol is looked for."""
    return ONLY.get(exchange) or venue(exchange, symbol).market_list(symbol)


def likely_symbol(exchange: str, text: str) -> str | None:
    """Return the symbol that a text without an exchange's list probably means, or None.

    `BTCUSDT`, `btc-usdt` and `BTC/USDT:BTC` are probably `BTC/USDT:USDT` on `binanceusdm`.
    """
    pair, _, settle = text.upper().partition(":")
    base, slash, quote = re.sub(r"[-_ ]", "/", pair, count=1).partition("/")
    if not slash:
        quote = next((one for one in QUOTES if base.endswith(one) and base != one), "")
        base, quote = base.removesuffix(quote), quote or QUOTES[0]
    inverse = settle.partition("-")[0] == base and quote == "USD"
    if not re.fullmatch(r"[A-Z0-9]+", base) or quote not in QUOTES or inverse:
        return None
    symbol = unified_symbol(exchange, f"{base}/{quote}")
    if settle and ":" not in symbol:
        symbol += f":{quote}"
    return None if symbol == text else symbol


def unified_symbol(exchange: str, symbol: str) -> str:
    """Return ccxt's unified name: on `binanceusdm`, `BTC/USDT` is `BTC/USDT:USDT`."""
    if ONLY.get(exchange) == "linear" and ":" not in symbol and "/" in symbol:
        return f"{symbol}:{symbol.partition('/')[2]}"
    return symbol

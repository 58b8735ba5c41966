"""The methods that ccxt has for one type of market of an exchange."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from feedd.channels import CHANNELS
from feedd.sources.ccxt.exchange_class import has
from feedd.sources.ccxt.lean_import import ccxt, exchange_class
from feedd.venues.registry import market_type_on, venue

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

QUOTES = CHANNELS["quote"].ccxt_method or ""
_SYMBOLS: dict[MarketType, str] = {
    "spot": "BTC/USDT", "linear": "BTC/USDT:USDT", "inverse": "BTC/USD:BTC"
}  # fmt: skip


class _ReachedError(Exception):
    """The call would use the network now."""


def served_methods(
    exchange: str, symbol: str, methods: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return ccxt's map of an exchange's methods, without quotes that it refuses for the market.

    The map is of all markets. Where feedd has no description of the market, ccxt's own method
    shows whether it serves quotes of it. `methods` is that map, where it is at hand.
    """
    methods = has(exchange) if methods is None else methods
    if not methods.get(QUOTES) or venue(exchange, symbol).checked:
        return methods
    return {**methods, QUOTES: _serves_quotes(exchange, market_type_on(exchange, symbol))}


@cache
def _serves_quotes(exchange: str, market: MarketType) -> bool:
    """Return whether ccxt's call reaches the network, with a market of this type."""
    made, symbol = exchange_class(exchange)(), _SYMBOLS[market]
    made.markets = {symbol: _market(market, symbol)}
    made.markets_by_id = {"BTCUSDT": [made.markets[symbol]]}
    made.load_markets, made.open, made.client, made.fetch = _loaded, _reached, _reached, _reached
    call = made.watch_bids_asks([symbol])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a coroutine that is never awaited
        try:
            call.send(None)
        except (ccxt.NotSupported, ccxt.ArgumentsRequired):
            return False
        except Exception:  # noqa: BLE001  with a real market it may work: then it is subscribed to
            return True
        finally:
            call.close()
    return True


def _market(market: MarketType, symbol: str) -> dict[str, Any]:
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    contract = market != "spot"
    return {
        "id": "BTCUSDT", "symbol": symbol, "base": base, "quote": quote, "settle": settle or None,
        "baseId": base, "quoteId": quote, "settleId": settle or None, "active": True,
        "type": "swap" if contract else "spot", "subType": market if contract else None,
        "spot": not contract, "swap": contract, "contract": contract, "future": False,
        "option": False, "margin": False, "linear": market == "linear" if contract else None,
        "inverse": market == "inverse" if contract else None, "contractSize": 1.0, "info": {},
        "precision": {"price": 0.01, "amount": 0.01}, "limits": {},
    }  # fmt: skip


async def _loaded(*_arguments: Any, **_options: Any) -> None:
    """Stand in for the list of markets."""


def _reached(*_arguments: Any, **_options: Any) -> Any:
    raise _ReachedError

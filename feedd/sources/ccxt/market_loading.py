"""A symbol's market through ccxt: whether the exchange lists it, and what it lists instead."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from feedd.errors import FeeddError, NoPageError, SourceError, UnknownSymbolError
from feedd.model import ABSENT
from feedd.sources.ccxt.lean_import import ccxt
from feedd.sources.error_texts import hint, nearest_symbols
from feedd.sources.listing import by_symbol, entry_of, not_traded
from feedd.sources.local_causes import clock_error, refuses_clock, restricted
from feedd.sources.market_list import OLD_WITHOUT_SYMBOL_MS
from feedd.venues.registry import ONLY, market_list_on, market_type_on

if TYPE_CHECKING:
    from feedd.venues.contract import Venue

NO_PAGE = 404


async def load_market(exchange: Any, name: str, symbol: str, venue: Venue) -> None:
    """Make ccxt know a symbol's market; raises UnknownSymbolError, and whatever ccxt raises."""
    try:
        # `True`: ccxt keeps the answer of the first call, also one that it could not read.
        markets = await exchange.load_markets(True)
        if not markets:
            # ccxt treats an answer that it can't parse as an exchange without markets.
            raise SourceError(f"{name} listed no markets at all")
    except (SourceError, ccxt.BaseError):
        if not _has_no_such_markets(exchange, venue):
            raise
        kind = market_type_on(name, symbol)
        others = await _of_other_types(exchange, name, symbol, venue)
        if not others:
            raise
        raise UnknownSymbolError(
            f"{name} lists no {kind} markets there, and so not {symbol}"
            + hint(nearest_symbols(symbol, others))
        ) from None
    entry_of(name, symbol, {**by_symbol(exchange.unreadable_markets), **markets})


async def listed(exchange: Any, symbol: str) -> str | None:
    """Return the exchange's word for a symbol that it does not trade; ABSENT: not listed.

    Asks the exchange, without a change of what ccxt knows of its markets.
    """
    exchange.list_age_ms, usual_ms = OLD_WITHOUT_SYMBOL_MS, getattr(exchange, "list_age_ms", 0)
    try:
        market = by_symbol(await exchange.fetch_markets()).get(symbol)
    except UnknownSymbolError:
        return ABSENT
    finally:
        exchange.list_age_ms = usual_ms
    return ABSENT if market is None else not_traded(market)


def local_cause(exchange: Any, name: str, text: str) -> FeeddError | None:
    """Return what an error's text and the last answer show of this machine or its file, or None."""
    status, body = exchange.last_answer
    if refuses_clock(text):
        headers = exchange.last_response_headers or {}
        dates = [value for header, value in headers.items() if header.lower() == "date"]
        return clock_error(name, text, dates[0] if dates else None, time.time())
    if status == NO_PAGE:
        return NoPageError(text)
    return restricted(name, status, body)


def _has_no_such_markets(exchange: Any, venue: Venue) -> bool:
    """Whether the last answer was readable, and says that there are none of this type."""
    status, body = exchange.last_answer
    if status == NO_PAGE:
        return True
    try:
        return venue.lists_nothing is not None and venue.lists_nothing(json.loads(body))
    except (ValueError, TypeError, LookupError):
        return False


async def _of_other_types(exchange: Any, name: str, symbol: str, venue: Venue) -> list[str]:
    """Return the symbols of the exchange's other types of markets, as far as it answers."""
    if not venue.one_market_type or name in ONLY:
        return []
    options, symbols = exchange.options["fetchMarkets"], []
    fetch = getattr(exchange, "fetch_whole_list", exchange.fetch_markets)
    try:
        for other in venue.market_lists:
            if other != market_list_on(name, symbol):
                exchange.options["fetchMarkets"] = {"types": [other]}
                with contextlib.suppress(FeeddError, ccxt.BaseError):
                    symbols += [market["symbol"] for market in await fetch()]
    finally:
        exchange.options["fetchMarkets"] = options
    return symbols

"""Binance's markets as the server serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.embedded.binance.rest_pages import BinanceRestPages
from feedd.embedded.binance.ws_session import connect
from feedd.embedded.market import Refused
from feedd.embedded.rest_page import Page
from feedd.embedded.served_market import ServedMarket
from feedd.venues.binance import addresses, streams, weights
from feedd.venues.registry import EMBEDDED_COINM_PATH, EMBEDDED_SPOT_PATH

if TYPE_CHECKING:
    from feedd.embedded.market import Market

# Spot's documentation gives the limit, USD-M's does not.
CONNECTS_LIMIT = 300
WHOLE_BOOK = 5000  # levels


def usdm(market: Market) -> ServedMarket:
    """Serve a market as Binance USD-M."""
    return ServedMarket(
        "usdm",
        market,
        addresses.USDM,
        lambda path, query, now_s: connect(path, query, market.check, now_s, streams.USDM),
        lambda clock: BinanceRestPages(market, clock),
        CONNECTS_LIMIT,
        snapshot=lambda symbol: _snapshot(market, symbol),
        answer_post=_answer_post,
    )


def coinm(market: Market) -> ServedMarket:
    """Serve a market as Binance COIN-M, on a path of its own, like spot."""
    return ServedMarket(
        "coinm",
        market,
        addresses.COINM,
        lambda path, query, now_s: connect(path, query, market.check, now_s, streams.COINM),
        lambda clock: BinanceRestPages(market, clock, weights.COINM),
        CONNECTS_LIMIT,
        below=EMBEDDED_COINM_PATH,
        snapshot=lambda symbol: _snapshot(market, symbol),
        answer_post=_answer_post,
    )


def spot(market: Market) -> ServedMarket:
    """Serve a market as Binance spot, on a path of its own, since its paths are USD-M's too."""
    return ServedMarket(
        "spot",
        market,
        addresses.SPOT,
        lambda path, query, now_s: connect(path, query, market.check, now_s, streams.SPOT),
        lambda clock: BinanceRestPages(market, clock, weights.SPOT),
        CONNECTS_LIMIT,
        below=EMBEDDED_SPOT_PATH,
        snapshot=lambda symbol: _snapshot(market, symbol),
    )


def _answer_post(page: str) -> Page:
    if page == "listenKey":
        return Page(200, {"listenKey": "embedded"})
    return Page(404, {"code": -5000, "msg": "Method POST is invalid"})


def _snapshot(market: Market, symbol: str) -> dict[str, Any] | None:
    try:
        return market.depth(symbol, WHOLE_BOOK)
    except (KeyError, Refused):
        return None

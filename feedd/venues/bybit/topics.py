"""The names that Bybit gives its topics, and how often it sends each.

https://bybit-exchange.github.io/docs/v5/ws/connect
"""

from __future__ import annotations

import re

from feedd.venues.raw_streams import RawStream

MINUTE_MS = 60_000
INTERVALS_MS = {
    **{str(n): n * MINUTE_MS for n in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": 1440 * MINUTE_MS,
}
BOOK_PERIODS_MS = {1: 10, 50: 20, 200: 100, 1000: 200}  # by levels

_NAME = re.compile(
    r"(?:(?P<plain>tickers|publicTrade|allLiquidation)"
    r"|orderbook\.(?P<levels>1|50|200|1000)"
    r"|kline\.(?P<interval>\w+)"
    r")\.(?P<symbol>[A-Z0-9-]+)"
)


def parse(name: str) -> RawStream | None:
    """Return the stream of a topic, or None where Bybit has no such topic."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    symbol = match["symbol"]
    if match["levels"]:
        levels = int(match["levels"])
        return RawStream(name, symbol, "book", BOOK_PERIODS_MS[levels], levels=levels)
    if match["interval"]:
        if match["interval"] not in INTERVALS_MS:
            return None
        return RawStream(name, symbol, "candle", 1000, interval=match["interval"])
    if match["plain"] == "tickers":
        return RawStream(name, symbol, "ticker", 100)
    if match["plain"] == "publicTrade":
        return RawStream(name, symbol, "trade", 0)
    return RawStream(name, symbol, "liquidation", 500)

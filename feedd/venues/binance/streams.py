"""The names that Binance gives its streams.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from __future__ import annotations

import re
from typing import NamedTuple

from feedd.venues.binance.addresses import MARKET, PUBLIC
from feedd.venues.raw_streams import RawStream, StreamContent

CONTENTS: dict[str, StreamContent] = {
    "bookTicker": "quote", "trade": "trade", "aggTrade": "aggregate_trade", "depth": "book",
    "ticker": "ticker", "miniTicker": "mini_ticker", "markPrice": "mark", "kline": "candle",
    "forceOrder": "liquidation",
}  # fmt: skip
_PUBLIC: frozenset[StreamContent] = frozenset({"quote", "trade", "book", "partial_book"})
_FUTURES_ONLY: frozenset[StreamContent] = frozenset({"mark", "liquidation"})

# The streams that feedd subscribes to; a candle's has its interval in the name.
STREAMS = {
    "ticker": "ticker", "quote": "bookTicker", "trade": "trade", "book": "depth@100ms",
    "mark": "markPrice@1s", "liquidation": "forceOrder",
}  # fmt: skip

INTERVALS_MS = {
    "1m": 60_000, "3m": 180_000, "5m": 300_000, "15m": 900_000, "30m": 1_800_000,
    "1h": 3_600_000, "2h": 7_200_000, "4h": 14_400_000, "6h": 21_600_000, "8h": 28_800_000,
    "12h": 43_200_000, "1d": 86_400_000,
}  # fmt: skip


class Speeds(NamedTuple):
    """How often a market sends its periodic streams, and the speeds of its book updates."""

    periods_ms: dict[StreamContent, int]
    depth_ms: dict[str, int]  # by what follows `depth` in the name


USDM = Speeds(
    {
        "aggregate_trade": 100, "ticker": 2000, "mini_ticker": 2000, "mark": 3000, "candle": 250,
        "liquidation": 1000,
    },
    {"": 250, "@100ms": 100, "@500ms": 500, "@0ms": 50},
)  # fmt: skip
# https://developers.binance.com/docs/derivatives/coin-margined-futures/websocket-market-streams
COINM = Speeds({**USDM.periods_ms, "ticker": 500, "mini_ticker": 500}, USDM.depth_ms)
SPOT = Speeds(
    {"aggregate_trade": 100, "ticker": 1000, "mini_ticker": 1000, "candle": 2000},
    {"": 1000, "@100ms": 100},
)

_NAME = (
    r"(?P<symbol>\w+)@(?:"
    r"(?P<plain>bookTicker|trade|aggTrade|ticker|miniTicker|forceOrder)"
    r"|(?P<mark>markPrice)(?P<second>@1s)?"
    r"|kline_(?P<interval>\w+)"
    r"|depth(?P<levels>5|10|20)?(?P<speed>@(?:0|100|500)ms)?"
    r")"
)


def stream_name(channel: str, market_id: str, timeframe: str) -> str:
    """Return the name of a channel's stream, e.g. `btcusdt@bookTicker`."""
    stream = f"kline_{timeframe}" if channel == "candle" else STREAMS[channel]
    return f"{market_id.lower()}@{stream}"


def category(stream: RawStream) -> str:
    """Return the category of the WebSocket paths that carry a stream of USD-M."""
    return PUBLIC if stream.content in _PUBLIC else MARKET


def split_name(name: str) -> tuple[str, str]:
    """Return the symbol's id and the rest of a stream's name: `BTCUSDT`, `bookTicker`."""
    symbol, _, rest = name.partition("@")
    return symbol.upper(), rest


def parse(name: str, speeds: Speeds = USDM) -> RawStream | None:
    """Return the stream of a name, or None where the market has no such stream."""
    match = re.fullmatch(_NAME, name)  # not compiled at import: a worker parses none
    if match is None:
        return None
    symbol, periods_ms = match["symbol"].upper(), speeds.periods_ms
    content: StreamContent
    if plain := match["plain"] or match["mark"]:
        content = CONTENTS[plain]
    elif match["interval"]:
        content = "candle"
    else:
        content = "partial_book" if match["levels"] else "book"
    if content in _FUTURES_ONLY and content not in periods_ms:
        return None
    if content == "candle":
        if match["interval"] not in INTERVALS_MS:
            return None
        return RawStream(name, symbol, content, periods_ms[content], interval=match["interval"])
    if content in {"book", "partial_book"}:
        period_ms = speeds.depth_ms.get(match["speed"] or "")
        if period_ms is None:
            return None
        return RawStream(name, symbol, content, period_ms, levels=int(match["levels"] or 0))
    period_ms = 1000 if match["second"] else periods_ms.get(content, 0)
    return RawStream(name, symbol, content, period_ms)

"""Names of streams, and what Binance carries on which path.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "bookTicker", "trade", "aggTrade", "depth", "partialDepth",
    "ticker", "miniTicker", "markPrice", "kline", "forceOrder",
]  # fmt: skip

PUBLIC: frozenset[Kind] = frozenset({"bookTicker", "trade", "depth", "partialDepth"})

INTERVALS_MS = {
    "1m": 60_000, "3m": 180_000, "5m": 300_000, "15m": 900_000, "30m": 1_800_000,
    "1h": 3_600_000, "2h": 7_200_000, "4h": 14_400_000, "6h": 21_600_000, "8h": 28_800_000,
    "12h": 43_200_000, "1d": 86_400_000,
}  # fmt: skip

_PERIODS_MS: dict[Kind, int] = {
    "aggTrade": 100, "ticker": 2000, "miniTicker": 2000, "markPrice": 3000, "kline": 250,
    "forceOrder": 1000,
}  # fmt: skip
_DEPTH_MS = {"": 250, "@100ms": 100, "@500ms": 500, "@0ms": 50}

_NAME = re.compile(
    r"(?P<symbol>[a-z0-9_]+)@(?:"
    r"(?P<plain>bookTicker|trade|aggTrade|ticker|miniTicker|forceOrder)"
    r"|markPrice(?P<second>@1s)?"
    r"|kline_(?P<interval>\w+)"
    r"|depth(?P<levels>5|10|20)?(?P<speed>@(?:0|100|500)ms)?"
    r")"
)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that exists, whether or not its symbol does."""

    name: str
    symbol: str  # the exchange's id, e.g. BTCUSDT
    kind: Kind
    period_ms: int  # 0: as it happens
    levels: int = 0
    interval: str = ""

    @property
    def category(self) -> str:
        """The path that carries it: `public` or `market`."""
        return "public" if self.kind in PUBLIC else "market"


def parse(name: str) -> Stream | None:
    """Return what a name means, or None where it means nothing."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    symbol = match["symbol"].upper()
    kind: Kind
    if match["plain"]:
        kind = match["plain"]  # type: ignore[assignment]  # the pattern names only kinds
        return Stream(name, symbol, kind, _PERIODS_MS.get(kind, 0))
    rest = name.partition("@")[2]
    if rest.startswith("markPrice"):
        return Stream(name, symbol, "markPrice", 1000 if match["second"] else 3000)
    if match["interval"]:
        if match["interval"] not in INTERVALS_MS:
            return None
        return Stream(name, symbol, "kline", _PERIODS_MS["kline"], interval=match["interval"])
    period_ms = _DEPTH_MS[match["speed"] or ""]
    if match["levels"]:
        return Stream(name, symbol, "partialDepth", period_ms, levels=int(match["levels"]))
    return Stream(name, symbol, "depth", period_ms)

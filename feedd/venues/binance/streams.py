"""What a stream is, and the names that Binance gives it; recordings hold them too.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

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

_OF_FUTURES: frozenset[Kind] = frozenset({"markPrice", "forceOrder"})


class Speeds(NamedTuple):
    """The streams of one exchange: those that come by period, and the speeds of the depth's."""

    periods_ms: dict[Kind, int]
    depth_ms: dict[str, int]  # by what is behind `depth` in the name


USDM = Speeds(
    {
        "aggTrade": 100, "ticker": 2000, "miniTicker": 2000, "markPrice": 3000, "kline": 250,
        "forceOrder": 1000,
    },
    {"": 250, "@100ms": 100, "@500ms": 500, "@0ms": 50},
)  # fmt: skip
SPOT = Speeds(
    {"aggTrade": 100, "ticker": 1000, "miniTicker": 1000, "kline": 2000},
    {"": 1000, "@100ms": 100},
)

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


def parse(name: str, speeds: Speeds = USDM) -> Stream | None:
    """Return what a name means on an exchange, or None where it means nothing."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    symbol, periods_ms = match["symbol"].upper(), speeds.periods_ms
    kind: Kind
    if match["plain"]:
        kind = match["plain"]  # type: ignore[assignment]  # the pattern names only kinds
    elif match["interval"]:
        kind = "kline"
    elif "@markPrice" in name:
        kind = "markPrice"
    else:
        kind = "partialDepth" if match["levels"] else "depth"
    if kind in _OF_FUTURES and kind not in periods_ms:
        return None
    if kind == "kline":
        if match["interval"] not in INTERVALS_MS:
            return None
        return Stream(name, symbol, kind, periods_ms[kind], interval=match["interval"])
    if kind in {"depth", "partialDepth"}:
        period_ms = speeds.depth_ms.get(match["speed"] or "")
        if period_ms is None:
            return None
        return Stream(name, symbol, kind, period_ms, levels=int(match["levels"] or 0))
    period_ms = 1000 if match["second"] else periods_ms.get(kind, 0)
    return Stream(name, symbol, kind, period_ms)

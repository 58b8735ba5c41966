"""Events as the client library returns them, for tests of the gateway."""

from __future__ import annotations

from typing import Any

from feedd.client import events
from feedd.model import ChannelStatus, Latency

EXCHANGE, SYMBOL = "binanceusdm", "BTC/USDT:USDT"
FEED = f"{EXCHANGE}.{SYMBOL}."
MINUTE_MS = 60_000
AT_MS = 1_764_075_600_000  # a full minute
NS_PER_MS = 1_000_000


def _common(at_ms: int, **changes: Any) -> dict[str, Any]:
    at_ns = at_ms * NS_PER_MS
    return {
        "symbol": SYMBOL, "exchange": EXCHANGE, "timestamp": at_ms, "received_ns": at_ns,
        "published_ns": at_ns, "session": 7, "seq": 1, **changes,
    }  # fmt: skip


def trade(at_ms: int, price: float, size: float = 1.0, **changes: Any) -> events.Trade:
    return events.Trade(price=price, size=size, side="buy", **_common(at_ms, **changes))


def quote(at_ms: int, bid: float | None, ask: float | None, **changes: Any) -> events.Quote:
    return events.Quote(bid=bid, ask=ask, bid_size=1.0, ask_size=1.0, **_common(at_ms, **changes))


def ticker(at_ms: int, last: float | None, **changes: Any) -> events.Ticker:
    rest = dict.fromkeys(
        ("datetime", "bid", "ask", "volume", "high", "low", "change_percent", "spread")
    )
    return events.Ticker(last=last, bid_ask="none", **rest, **_common(at_ms, **changes))


def book(at_ms: int, **changes: Any) -> events.Book:
    return events.Book(
        bids=[(99.0, 1.0), (98.0, 2.0)], asks=[(101.0, 1.0)], **_common(at_ms, **changes)
    )


def candle(open_time: int, close: float, timeframe: str = "1m", **changes: Any) -> events.Candle:
    prices = {"open": 1.0, "high": 9.0, "low": 0.5, "close": close, "volume": 3.0}
    prices.update({key: changes.pop(key) for key in list(changes) if key in prices})
    return events.Candle(
        open_time=open_time, timeframe=timeframe, closed=None, **prices,
        **_common(open_time, **changes),
    )  # fmt: skip


def channel_status(**changes: Any) -> ChannelStatus:
    return ChannelStatus(**{
        "state": "live", "reason": None, "age_ms": 5, "stale_after_s": 10.0, "published": True,
        "messages_per_s": 10.0, "latency_us": Latency(20.0, 90.0, 200.0), "reconnects": 0,
        "reconnects_1h": 0, "tries": 0, "waits": False, "gaps": 0, "connected_percent_1h": 100.0,
        **changes,
    })  # fmt: skip


def status(at_ms: int, *channels: str, **changes: Any) -> events.Status:
    given = {
        "state": "live", "reason": None, "next_seq": {}, "messages": 100, "messages_per_s": 10.0,
        "reconnects": 0, "gaps": 0, "rejected": 0, "latency_us": Latency(20.0, 90.0, 200.0),
        "exchange_latency_us": Latency(None, None, None), "uptime_s": 5.0, "cpu_percent": 1.0,
        "memory_mb": 50.0, "channels": {name: channel_status() for name in channels},
    }  # fmt: skip
    return events.Status(**{**given, **_common(at_ms), **changes})

"""feedd: a market-data feed handler that loses nothing silently.

Public client API: `feedd.subscribe`, and the events that it yields. Names are loaded at first use,
and need only pyzmq and msgspec. `feedd.open_recording` yields the same events from recordings, and
needs msgspec and zstandard.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feedd.client.events import (
        Book,
        Candle,
        Event,
        Gap,
        Liquidation,
        Mark,
        NewSession,
        Other,
        Quote,
        StateChange,
        Status,
        Stopped,
        Tick,
        Ticker,
        Trade,
        UpstreamGap,
    )
    from feedd.client.stream import Stream, subscribe
    from feedd.recordings.stream.recorded_stream import RecordedStream, open_recording
    from feedd.topics import topic

__version__ = "0.1.0"

__all__ = [
    "Book",
    "Candle",
    "Event",
    "Gap",
    "Liquidation",
    "Mark",
    "NewSession",
    "Other",
    "Quote",
    "RecordedStream",
    "StateChange",
    "Status",
    "Stopped",
    "Stream",
    "Tick",
    "Ticker",
    "Trade",
    "UpstreamGap",
    "open_recording",
    "subscribe",
    "topic",
]

_ELSEWHERE = {
    "RecordedStream": "feedd.recordings.stream.recorded_stream",
    "Stream": "feedd.client.stream",
    "open_recording": "feedd.recordings.stream.recorded_stream",
    "subscribe": "feedd.client.stream",
    "topic": "feedd.topics",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'feedd' has no attribute {name!r}")
    value = getattr(import_module(_ELSEWHERE.get(name, "feedd.client.events")), name)
    globals()[name] = value
    return value

"""feedd: a market-data feed handler that loses nothing silently.

The public API. Everything else in the package is internal, and may change.

    subscribe(endpoint, topics)     a Stream of events, live or replayed: `for` and `async for`
    open_recording(paths, topics)   a RecordedStream of the same events, from files
    topic(channel, exchange, symbol)    the name of a topic

    Ticker Quote Trade Book Candle Mark Liquidation    what a feed publishes (Tick is any of them)
    Gap UpstreamGap NewSession StateChange Stopped     what a stream reports (Event is any event)
    Status Other                                       messages of other topics that were requested
    ConfigError                                        an argument is wrong
    DeploymentError                                    the required project does not publish

Names are loaded at first use, and need only pyzmq and msgspec; recordings need zstandard.
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
    from feedd.errors import ConfigError, DeploymentError
    from feedd.recordings.stream.recorded_stream import RecordedStream, open_recording
    from feedd.topics import topic

__version__ = "0.1.0"

__all__ = [
    "Book",
    "Candle",
    "ConfigError",
    "DeploymentError",
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
    "ConfigError": "feedd.errors",
    "DeploymentError": "feedd.errors",
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


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

"""Both sources on one embedded exchange, and the comparison of what they publish."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from integration.source_setup import SourceSetup
from recorded_callbacks import RecordedCallbacks

from feedd.clock import Clock
from feedd.embedded.served_market import ServedMarket
from feedd.embedded.server import ExchangeServer
from feedd.sources.ccxt.source import CcxtSource
from feedd.sources.native.source import NativeSource


def key(tick: Any) -> Any:
    """Return the identity of an event, the same for both sources."""
    if tick.channel in {"quote", "trade", "book"}:
        return tick.id
    if tick.channel == "candle":
        return tick.timestamp, tick.open_time
    return tick.timestamp, getattr(tick, "volume", 0)


def payload(tick: Any) -> dict[str, Any]:
    """Return the fields that depend neither on the receiver nor on the receive time."""
    kept = {"published_ns": 0, "session": 0, "seq": 0, "received_ns": 0}
    return {**msgspec.structs.asdict(tick), **kept}


def compare(
    ours: RecordedCallbacks, theirs: RecordedCallbacks, channel: str, *, own: int = 0
) -> int:
    """Compare a channel over the span that both received; return its number of events.

    The first `own` events are of each connection alone: a snapshot.
    """
    mine, other = (
        [tick for tick in told.ticks if tick.channel == channel][own:] for told in (ours, theirs)
    )
    assert mine, channel
    assert other, channel
    common = {key(tick) for tick in mine} & {key(tick) for tick in other}
    spans = []
    for told in (mine, other):
        places = [place for place, tick in enumerate(told) if key(tick) in common]
        assert places, channel
        spans.append(told[places[0] : places[-1] + 1])
    assert [type(tick) for tick in spans[0]] == [type(tick) for tick in spans[1]]
    for one, another in zip(*(map(payload, span) for span in spans), strict=True):
        if channel == "ticker":  # a ticker's bid and ask are the TickerMaker's
            for name in ("bid", "ask"):
                one[name] = another[name] = None
        assert one == another
    return len(spans[0])


async def both(
    served: ServedMarket, exchange: str, symbol: str, channels: list[str], least: dict[str, int]
) -> tuple[RecordedCallbacks, RecordedCallbacks]:
    """Run both sources on one exchange until both have published enough."""
    server = ExchangeServer([served], Clock())
    port = await server.start(0)
    setup, theirs = SourceSetup("native", server, port), RecordedCallbacks()
    given = (exchange, symbol, tuple(channels))
    endpoint = f"http://127.0.0.1:{port}{served.below}"
    native, other = NativeSource(*given, endpoint=endpoint), CcxtSource(*given, endpoint=endpoint)
    try:
        await native.prepare()
        await other.prepare()
        tasks = [
            asyncio.create_task(other.run(theirs)),
            asyncio.create_task(native.run(setup.received)),
        ]

        def enough() -> bool:
            return all(
                sum(tick.channel == channel for tick in told.ticks) >= count
                for told in (setup.received, theirs)
                for channel, count in least.items()
            )

        await setup.until(enough, 90)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await native.close()
        await other.close()
    finally:
        await server.stop()
    for told in (setup.received, theirs):
        assert (told.losses, told.holes, told.resyncs, told.rejections) == ([], [], [], [])
    return setup.received, theirs

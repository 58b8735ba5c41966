"""ccxt's calls that subscribe to a channel, and the pauses between those after failures."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from feedd.sources.base import Backoff
from feedd.sources.ccxt.tap import Subscribing, subscribing_to

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.venues.contract import Venue

WELL_AFTER_S = 60.0  # without a failure, the pauses begin again


class FailurePauses:
    """Growing pauses after failures of a channel alone, whose connection works.

    Data between two failures does not end them: a channel may fail with each of its messages.
    """

    def __init__(self) -> None:
        self._backoff = Backoff()
        self._well_s = 0.0  # when the pauses begin again

    def next_s(self) -> float:
        """Return the pause after a failure."""
        now_s = time.monotonic()
        if now_s > self._well_s:
            self._backoff.reset()
        pause_s = self._backoff.next_s()
        self._well_s = now_s + 2 * pause_s + WELL_AFTER_S
        return pause_s


async def subscribe(watch: Callable[[str], Awaitable[Any]], channel: str) -> Any:
    """Call ccxt's `watch_*` of a channel, in a task of its own."""
    subscribing_to.set(Subscribing(channel, asyncio.current_task()))
    return await watch(channel)


def forget(exchange: Any, channel: str) -> None:
    """Drop what ccxt keeps of a channel: nothing survives its connection."""
    cache = getattr(exchange, _CACHES.get(channel, ""), None)
    if isinstance(cache, dict):
        cache.clear()


_CACHES = {
    "book": "orderbooks", "ticker": "tickers", "quote": "bidsasks", "trade": "trades",
    "candle": "ohlcvs", "liquidation": "liquidations",
}  # fmt: skip


def watch_calls(
    exchange: Any, symbol: str, venue: Venue, book_depth: int, timeframe: str
) -> Callable[[str], Awaitable[Any]]:
    """Return what subscribes to a channel, with the venue's parameters."""
    book = venue.book
    params = {channel: dict(its) for channel, its in venue.watch_params.items()}

    def watch(channel: str) -> Awaitable[Any]:
        own = venue.own_subscriptions.get(channel)
        if own is not None:
            url = exchange.urls["api"]
            for key in own.url:
                url = url[key]
            request, name = own.request(exchange.market(symbol)), f"{channel}:{symbol}"
            return exchange.watch(url, name, request, name)  # type: ignore[no-any-return]
        its = params.get(channel, {})
        calls: dict[str, Callable[[], Any]] = {
            "ticker": lambda: exchange.watch_ticker(symbol, its),
            "quote": lambda: exchange.watch_bids_asks([symbol], its),
            "trade": lambda: exchange.watch_trades(symbol, None, None, its),
            "book": lambda: exchange.watch_order_book(
                symbol, None if book is None else book.limit(book_depth), its
            ),
            "candle": lambda: exchange.watch_ohlcv(symbol, timeframe, None, None, its),
            "mark": lambda: exchange.watch_mark_price(symbol, its),
            "liquidation": lambda: exchange.watch_liquidations(symbol, None, None, its),
        }
        return calls[channel]()  # type: ignore[no-any-return]  # ccxt's own types are skipped

    return watch

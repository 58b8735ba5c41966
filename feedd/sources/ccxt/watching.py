"""ccxt's calls that subscribe to a channel, and the pauses between those that harm others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from feedd.sources.base import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.venues.contract import Venue

RARELY_S, RARELY_AT_MOST_S = 1.0, 600.0
WELL_AFTER_S = 900.0  # without a failure, the pauses begin again


class RarePauses:
    """Growing pauses before a channel's failure costs the others of its connection their data."""

    def __init__(self, *, harmless: bool) -> None:
        self._harmless = harmless
        self._backoffs: dict[str, Backoff] = {}
        self._failed_s: dict[str, float] = {}

    def pause_s(self, channel: str) -> float:
        """Return the pause after a failure of a channel alone."""
        if self._harmless:
            return 0.0
        now_s = time.monotonic()
        backoff = self._backoffs.setdefault(channel, Backoff(RARELY_S, RARELY_AT_MOST_S))
        if now_s - self._failed_s.get(channel, now_s) > WELL_AFTER_S:
            backoff.reset()
        self._failed_s[channel] = now_s
        return backoff.next_s()


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

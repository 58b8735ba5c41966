"""Comparison of a feed's books with REST pages, where nothing in its stream checks them."""

from __future__ import annotations

import asyncio
import functools
import random
import time
from typing import TYPE_CHECKING

import structlog

from feedd.books.comparison import BookWindow, confirmed, differences_text
from feedd.errors import ConfigError, FeeddError
from feedd.model import Book

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from feedd.books.comparison import Page
    from feedd.model import EventId, Tick
    from feedd.sources.base import Sink

_log = structlog.get_logger()

LAG_S = 5.0  # a page may be as old as that: exchanges cache them
CONFIRM_AFTER_S = 5.0
JITTER = 0.1  # of the pause, so that the feeds of a machine spread
DOUBLED_AT_MOST = 6  # times, the pause while pages are refused or the book differs every time
LOGGED_EVERY_S = 600.0


class BookComparison:
    """Compares a book every `every_s`, within the budget of requests that all workers share.

    `fetch` requests a page; it raises FeeddError. `differs` takes the reason for a new subscription
    to the book, after two pages have shown the same difference. A page that can't be fetched
    changes nothing. While the book is lost or in doubt, it is not compared.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Page]],
        differs: Callable[[str], None],
        every_s: float,
        rng: random.Random | None = None,
    ) -> None:
        self._fetch = fetch
        self._differs = differs
        self._every_s = every_s
        self._rng = rng or random.Random()  # noqa: S311  jitter guards no secret
        self._agrees: Callable[[], None] = lambda: None
        self._newest: Book | None = None  # None: lost or in doubt
        self._window: BookWindow | None = None  # while a comparison runs
        self._in_vain = 0  # comparisons in a row
        self._logged_s: float | None = None

    def beside(self, sink: Sink) -> Sink:
        """Return a sink that passes everything on, and takes the books."""
        self._agrees = functools.partial(sink.compared, "book")
        return _Beside(sink, self)

    def book(self, book: Book) -> None:
        """Take a published book."""
        self._newest = book
        if self._window is not None:
            self._window.add(book.bids, book.asks)

    def in_doubt(self) -> None:
        """Forget the book: it is lost, or one of its messages is."""
        self._newest = self._window = None

    async def run(self) -> None:
        """Compare until cancelled, or until the exchange turns out to have no such page."""
        await asyncio.sleep(self._every_s * self._rng.random())
        while True:
            began_s = time.monotonic()
            try:
                await self._compare()
            except ConfigError as error:
                _log.warning("books can't be compared with REST snapshots", why=str(error))
                return
            except FeeddError as error:
                self._in_vain += 1
                self._log_refusal(str(error))
            finally:
                self._window = None
            pause_s = self._every_s * 2.0 ** min(self._in_vain, DOUBLED_AT_MOST)
            pause_s *= self._rng.uniform(1 - JITTER, 1 + JITTER)
            await asyncio.sleep(max(pause_s - (time.monotonic() - began_s), 0.0))

    async def _compare(self) -> None:
        """Compare once, and a second time where the page differs; report what both show."""
        newest = self._newest
        if newest is None:
            return
        window = self._window = BookWindow()
        window.add(newest.bids, newest.asks)
        await asyncio.sleep(LAG_S)
        first = await self._fetch()
        found = window.differences(first)
        if found and self._window is window:
            books = window.books
            await asyncio.sleep(CONFIRM_AFTER_S)
            second = await self._fetch()
            is_cached = second == first and window.books > books
            found = [] if is_cached else confirmed(found, window.differences(second))
        if self._window is not window:
            return  # lost meanwhile
        if not found:
            self._in_vain = 0
            self._agrees()
            return
        self._in_vain += 1
        reason = differences_text(found)
        _log.warning("subscribing to the book again", why=reason)
        self._differs(reason)

    def _log_refusal(self, why: str) -> None:
        now_s = time.monotonic()
        if self._logged_s is None or now_s - self._logged_s > LOGGED_EVERY_S:
            self._logged_s = now_s
            _log.warning("the book was not compared with a REST snapshot", why=why)


class _Beside:
    """A sink that passes everything on."""

    def __init__(self, sink: Sink, comparison: BookComparison) -> None:
        self._sink = sink
        self._comparison = comparison
        self.hold, self.release = sink.hold, sink.release
        self.subscribed, self.alive, self.compared = sink.subscribed, sink.alive, sink.compared

    def event(self, tick: Tick) -> None:
        if type(tick) is Book:
            self._comparison.book(tick)
        self._sink.event(tick)

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        self._doubt(channel)
        self._sink.lost(channel, reason, waits=waits)

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        self._doubt(channel)
        self._sink.missing(channel, from_id, to_id, reason)

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None:
        self._doubt(channel)
        self._sink.resync(channel, reason, waits=waits)

    def rejected(self, channels: Iterable[str], reason: str) -> None:
        names = list(channels)
        for channel in names:
            self._doubt(channel)
        self._sink.rejected(names, reason)

    def _doubt(self, channel: str) -> None:
        if channel == "book":
            self._comparison.in_doubt()

"""Connections of ccxt's that are replaced before the exchange closes them.

ccxt has one client for each URL. A client that the exchange will close is taken out of ccxt's
table: it goes on receiving, and the next `watch_*` call of its channels makes another one. Both
deliver until the new one lacks nothing; see `feedd.merge`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Any

import structlog

from feedd.sources.base import Backoff
from feedd.sources.ccxt.watching import subscribe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.merge.by_content import ContentMerge
    from feedd.merge.by_id import Merge
    from feedd.sources.ccxt.tap import Tap

CHECK_EVERY_S = 0.1
OVERLAP_S = 5.0  # at least, of a connection and its replacement
JOINS_WITHIN_S = 60.0  # a replacement that has not joined by then is given up

REPLACED = "the connection was replaced"

_log = structlog.get_logger()


class Replacements:
    """Opens a connection beside one that is closing, and lets it take over.

    `taps` are those that carry the channels, by channel. A connection is replaced if each of its
    channels has a merge. `watch` subscribes to a channel; `watches` are the calls that have not
    ended, by channel. `rotate_after_s` is the age at which a connection is replaced.
    """

    def __init__(
        self,
        exchange: Any,
        taps: dict[str, Tap],
        merges: dict[str, Merge | ContentMerge],
        watch: Callable[[str], Awaitable[Any]],
        watches: dict[str, asyncio.Future[Any]],
        rotate_after_s: float | None,
    ) -> None:
        self._exchange = exchange
        self._taps = taps
        self._merges = merges
        self._watch = watch
        self._watches = watches
        self._rotate_after_s = rotate_after_s
        self._following: dict[str, Tap] = {}  # by channel
        self._next_watches: dict[str, asyncio.Future[Any]] = {}
        self._leaving: set[Tap] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []

    def connected(self, tap: Tap) -> None:
        """Replace a connection when it is too old; not all workers' at once."""
        if self._rotate_after_s is not None:
            after_s = self._rotate_after_s * random.uniform(0.98, 1.0)  # noqa: S311
            loop = asyncio.get_running_loop()
            self._timers = [one for one in self._timers if one.when() > loop.time()]
            self._timers.append(loop.call_later(after_s, self.closing, tap))

    def closing(self, tap: Tap) -> bool:
        """Replace a connection that the exchange will close; return whether it can be replaced."""
        channels = self._channels_of(tap)
        if not channels or not self._merges.keys() >= set(channels):
            return False
        if tap in self._leaving:
            return True
        self._leaving.add(tap)
        task = asyncio.get_running_loop().create_task(self._replace(tap))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return True

    def subscribing(self, tap: Tap, channel: str) -> None:
        """Note a connection that subscribes to a channel, beside a closing one or alone."""
        current = self._taps.get(channel)
        if current is not None and current is not tap and current in self._leaving:
            self._following[channel] = tap
        else:
            self._taps[channel] = tap
        if channel in self._merges:
            self._merges[channel].opened(tap)

    def carries(self, tap: Tap, channel: str) -> bool:
        """Return whether the events of a connection count."""
        return self._taps.get(channel) is tap or self._following.get(channel) is tap

    def is_leaving(self, tap: Tap) -> bool:
        """Return whether a connection is being replaced: ccxt has forgotten it."""
        return tap in self._leaving

    def lost(self, tap: Tap, reason: str) -> list[str]:
        """Note the end of a connection; return the channels that no other one carries."""
        for channel in [name for name, its in self._following.items() if its is tap]:
            del self._following[channel]
            self._merges[channel].closed(tap, reason)
        lost = []
        for channel in self._channels_of(tap):
            if channel in self._following:
                self._take_over(channel, reason)
            else:
                lost.append(channel)
        return lost

    def forget(self, channel: str, tap: Tap | None, reason: str) -> None:
        """Note that a channel begins again, without the connections that carried it."""
        following = self._following.pop(channel, None)
        watch = self._next_watches.pop(channel, None)
        if watch is not None:
            watch.cancel()
        if channel in self._merges:
            for line in (following, tap):
                self._merges[channel].closed(line, reason)

    async def stop(self) -> None:
        """Replace no more, and close the connections that ccxt has forgotten."""
        for timer in self._timers:
            timer.cancel()
        for pending in (*self._tasks, *self._next_watches.values()):
            pending.cancel()
        for tap in list(self._leaving):
            await _close(tap)

    async def _replace(self, old: Tap) -> None:
        backoff = Backoff()
        try:
            while channels := self._channels_of(old):
                if self._exchange.clients.get(old.client.url) is old.client:
                    del self._exchange.clients[old.client.url]
                for channel in channels:
                    self._next_watches[channel] = asyncio.ensure_future(
                        subscribe(self._watch, channel)
                    )
                if await self._joins(old):
                    for channel in self._channels_of(old):
                        self._merges[channel].replaces(self._following[channel])
                        self._take_over(channel, REPLACED)
                    break
                self._give_up(channels)
                await asyncio.sleep(backoff.next_s())
            await _close(old)
        finally:
            self._leaving.discard(old)

    async def _joins(self, old: Tap) -> bool:
        """Wait until another connection can replace a closing one; return whether it can."""
        earliest_s = time.monotonic() + OVERLAP_S
        latest_s = time.monotonic() + JOINS_WITHIN_S
        while (now_s := time.monotonic()) < latest_s and (channels := self._channels_of(old)):
            ready = now_s >= earliest_s
            for channel in channels:
                watch, following = self._next_watches.get(channel), self._following.get(channel)
                if watch is None or watch.done():
                    return False
                merge = self._merges[channel]
                merge.overdue(now_s)
                connected = following is not None and following.client.isConnected
                ready = ready and connected and merge.goes_on_with(following)
            if ready:
                return True
            await asyncio.sleep(CHECK_EVERY_S)
        return False

    def _take_over(self, channel: str, reason: str) -> None:
        old, following = self._taps[channel], self._following.pop(channel)
        self._taps[channel] = following
        self._watches[channel] = self._next_watches.pop(channel)
        goes_on = self._merges[channel].closed(old, reason)
        log = _log.info if reason == REPLACED and goes_on else _log.warning
        log("another connection goes on", channel=channel, reason=reason)

    def _give_up(self, channels: list[str]) -> None:
        """Close the connections that did not join."""
        for channel in channels:
            following, watch = self._following.get(channel), self._next_watches.pop(channel, None)
            if watch is not None:
                watch.cancel()
            if following is not None:
                self.lost(following, "it did not join the connection that it was to replace")
                task = asyncio.get_running_loop().create_task(_close(following))
                self._tasks.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()  # an error in this code belongs in the event loop's log

    def _channels_of(self, tap: Tap) -> list[str]:
        return [channel for channel, its in self._taps.items() if its is tap]


async def _close(tap: Tap) -> None:
    with contextlib.suppress(Exception):  # whatever a broken connection raises
        await tap.client.close()

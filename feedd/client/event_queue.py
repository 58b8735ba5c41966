"""Bounded event queue from the receiving thread to the caller, which waits in a thread or a task.

Events beyond the bound are dropped, newest first, and reported as a Gap as soon as there is room
again; the receiving thread never waits for the caller. A lossless queue drops nothing: the
receiving thread stops reading while it is `full`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from feedd.client.decoding import PublishedMessage
from feedd.client.events import Gap, NewSession, StateChange, Status, Stopped, UpstreamGap

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.client.decoding import Message
    from feedd.client.events import Notice

MAX_DROPPED = 20_000  # gaps and notices kept while the caller is behind

NOTICES = (UpstreamGap, NewSession, StateChange, Stopped)
# States of a stream that may never yield a tick. Without notices they are logged: by default
# Python's logging prints a warning on standard error.
LOGGED = frozenset({"no_endpoint", "no_topic"})
_log = logging.getLogger("feedd")
NO_TICKS = (*NOTICES, Gap, Status)


class DroppedEvents:
    """Notices for a caller that is behind: one gap for each topic and session, and the rest.

    Bounded too: notices beyond the bound are counted.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._notices: dict[tuple[str, int], Notice] = {}
        self._beyond = 0

    def add(self, event: Message | Notice) -> None:
        """Drop an event."""
        key, notice = self._as_notice(event)
        if key in self._notices or len(self._notices) < MAX_DROPPED:
            self._notices[key] = notice
        else:
            self._beyond += 1

    def _as_notice(self, event: Message | Notice) -> tuple[tuple[str, int], Notice]:
        if isinstance(event, NOTICES):
            return ("", len(self._notices)), event
        if isinstance(event, Gap):
            topic, first, last = event.topic, event.from_seq, event.to_seq
        elif isinstance(event, PublishedMessage):
            topic, first, last = event.topic.decode(), event.seq, event.seq
        else:
            # mypy: a StatusSummary is never emitted
            topic = f"{event.channel}.{event.exchange}.{event.symbol}."  # type: ignore[union-attr]
            first = last = event.seq
        key = (topic, event.session)
        before = self._notices.get(key)
        if isinstance(before, Gap):
            first = before.from_seq
        return key, Gap(topic, event.session, first, last, self._reason)

    def notices(self) -> list[Notice]:
        """Return the notices, in the order of the first drop of each."""
        notices = list(self._notices.values())
        if self._beyond:
            notices.append(StateChange("", "behind", f"{self._beyond:,} notices were dropped"))
        return notices


class EventQueue:
    """Queue of at most `limit` events, for one thread that puts and one caller that takes.

    A lossless one exceeds the limit by at most one batch.
    """

    def __init__(self, limit: int, *, only_ticks: bool, lossless: bool = False) -> None:
        self.queue: deque[Message | Notice] = deque()
        self.closing = False
        self.error: BaseException | None = None
        self._limit = limit
        self._only_ticks = only_ticks
        self._lossless = lossless
        self._full = False
        self._dropped: DroppedEvents | None = None
        self._lock = threading.Lock()
        self._waiters: set[Callable[[], object]] = set()
        self._ended = False

    # --- the receiving thread -----------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether to put nothing now: from above the limit until the queue is half empty.

        A lossy queue is never full, since it drops what exceeds the limit.
        """
        self._full = len(self.queue) > (self._limit // 2 if self._full else self._limit)
        return self._full

    def put(self, events: list[Message | Notice]) -> None:
        """Add events; call it regularly even without any, so that gaps are reported."""
        if self._only_ticks:
            for event in events:
                if isinstance(event, StateChange) and event.state in LOGGED:
                    _log.warning(event.reason)
            events = [event for event in events if not isinstance(event, NO_TICKS)]
        dropped = self._dropped
        if dropped is not None and len(self.queue) <= self._limit // 2:
            self._dropped = None
            events = events if self._only_ticks else dropped.notices() + events
        if self._dropped is not None or len(self.queue) + len(events) > self._limit:
            events = events if self._lossless else self._within_bounds(events)
        if events:
            with self._lock:
                self.queue.extend(events)
                self._wake_waiters()

    def _within_bounds(self, events: list[Message | Notice]) -> list[Message | Notice]:
        room = 0 if self._dropped is not None else max(0, self._limit - len(self.queue))
        if self._dropped is None:
            self._dropped = DroppedEvents(f"the caller was {self._limit:,} events behind")
        for event in events[room:]:
            self._dropped.add(event)
        return events[:room]

    def end(self, error: BaseException | None = None) -> None:
        """Mark the end: no event follows."""
        with self._lock:
            self.error = error
            self._ended = True
            self._wake_waiters()

    def _wake_waiters(self) -> None:
        for wake in self._waiters:
            wake()
        self._waiters.clear()

    # --- the caller ---------------------------------------------------------------------------

    def _add_waiter(self, wake: Callable[[], object]) -> bool:
        """Have `wake` called at the next event or the end; return False if there is one already."""
        with self._lock:
            if self.queue or self._ended:
                return False
            self._waiters.add(wake)
            return True

    def _remove_waiter(self, wake: Callable[[], object]) -> None:
        with self._lock:
            self._waiters.discard(wake)

    @property
    def over(self) -> bool:
        """Whether all events were taken and none follows; raises the thread's exception."""
        if not self._ended or self.queue:
            return False
        if self.error is not None:
            raise self.error
        return True

    def wait(self, timeout_s: float | None) -> None:
        """Wait for an event, the end, or the timeout."""
        woken = threading.Event()
        wake = woken.set
        if self._add_waiter(wake):
            try:
                woken.wait(timeout_s)
            finally:
                self._remove_waiter(wake)

    async def wait_async(self) -> None:
        """Wait for an event or the end, without blocking the loop."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def set_woken() -> None:
            if not woken.done():
                woken.set_result(None)

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(set_woken)

        if self._add_waiter(wake):
            try:
                await woken
            finally:
                self._remove_waiter(wake)

    async def wait_for_end(self) -> None:
        """Wait for the end, and discard all events."""
        while not self._ended:
            self.queue.clear()
            await self.wait_async()

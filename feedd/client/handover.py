"""From the receiving thread to the caller: a bounded queue, and two ways to wait for it.

What the caller leaves beyond the bound is dropped, newest first, and told as a Gap as soon as
there is room again; the receiving thread never waits for the caller. A lossless one drops nothing:
then the receiving thread reads no further while `full`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING

from feedd.client.decoding import Frame
from feedd.client.events import Gap, NewSession, StateChange, Status, Stopped, UpstreamGap

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.client.events import Event

MOST_DROPPED = 20_000  # gaps and notices that are remembered while the caller is behind

NOTICES = (UpstreamGap, NewSession, StateChange, Stopped)
NO_TICKS = (*NOTICES, Gap, Status)


class Dropped:
    """What a caller who is behind is told later: one gap for each topic and session, and notices.

    Bounded too: notices beyond the bound are counted.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._told: dict[tuple[str, int], Event] = {}
        self._beyond = 0

    def add(self, event: Event | Frame) -> None:
        """Drop an event."""
        key, kept = self._as_told(event)
        if key in self._told or len(self._told) < MOST_DROPPED:
            self._told[key] = kept
        else:
            self._beyond += 1

    def _as_told(self, event: Event | Frame) -> tuple[tuple[str, int], Event]:
        if isinstance(event, NOTICES):
            return ("", len(self._told)), event
        if isinstance(event, Gap):
            topic, first, last = event.topic, event.from_seq, event.to_seq
        elif isinstance(event, Frame):
            topic, first, last = event.topic.decode("ascii"), event.seq, event.seq
        else:
            topic = f"{event.channel}.{event.exchange}.{event.symbol}."
            first = last = event.seq
        key = (topic, event.session)
        before = self._told.get(key)
        if isinstance(before, Gap):
            first = before.from_seq
        return key, Gap(topic, event.session, first, last, self._reason)

    def events(self) -> list[Event]:
        """Return what is to be told, in the order in which it was dropped first."""
        events = list(self._told.values())
        if self._beyond:
            events.append(StateChange("", "behind", f"{self._beyond:,} notices were dropped"))
        return events


class Handover:
    """A queue of at most `most` events, for one thread that puts and one caller that takes.

    `lossless`: at most what was put in one go is beyond.
    """

    def __init__(self, most: int, *, only_ticks: bool, lossless: bool = False) -> None:
        self.queue: deque[Event] = deque()
        self.closing = False
        self.error: BaseException | None = None
        self._most = most
        self._only_ticks = only_ticks
        self._lossless = lossless
        self._full = False
        self._dropped: Dropped | None = None
        self._lock = threading.Lock()
        self._waiting: set[Callable[[], object]] = set()
        self._ended = False

    # --- the receiving thread -----------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether nothing should be put now: until half is taken of what was beyond the bound.

        Never of a lossy queue, which holds no more than it may.
        """
        self._full = len(self.queue) > (self._most // 2 if self._full else self._most)
        return self._full

    def put(self, events: list[Event]) -> None:
        """Hand over events; call it without any too, now and then, so that gaps are told."""
        if self._only_ticks:
            events = [event for event in events if not isinstance(event, NO_TICKS)]
        dropped = self._dropped
        if dropped is not None and len(self.queue) <= self._most // 2:
            self._dropped = None
            told = dropped.events()
            events = events if self._only_ticks else told + events
        if self._dropped is not None or len(self.queue) + len(events) > self._most:
            events = events if self._lossless else self._within_bounds(events)
        if events:
            with self._lock:
                self.queue.extend(events)
                self._call()

    def _within_bounds(self, events: list[Event]) -> list[Event]:
        room = 0 if self._dropped is not None else max(0, self._most - len(self.queue))
        if self._dropped is None:
            self._dropped = Dropped(f"the caller was {self._most:,} events behind")
        for event in events[room:]:
            self._dropped.add(event)
        return events[:room]

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing will come any more."""
        with self._lock:
            self.error = error
            self._ended = True
            self._call()

    def _call(self) -> None:
        for wake in self._waiting:
            wake()
        self._waiting.clear()

    # --- the caller ---------------------------------------------------------------------------

    def _expect(self, wake: Callable[[], object]) -> bool:
        """Have `wake` called when something is there; return False where something is already."""
        with self._lock:
            if self.queue or self._ended:
                return False
            self._waiting.add(wake)
            return True

    def _expect_no_more(self, wake: Callable[[], object]) -> None:
        with self._lock:
            self._waiting.discard(wake)

    @property
    def over(self) -> bool:
        """Whether all was taken and nothing will come; raises what the receiving thread died of."""
        if not self._ended or self.queue:
            return False
        if self.error is not None:
            raise self.error
        return True

    def wait(self, timeout_s: float | None) -> None:
        """Wait until something is there, or the end, or the time is over."""
        there = threading.Event()
        wake = there.set
        if self._expect(wake):
            try:
                there.wait(timeout_s)
            finally:
                self._expect_no_more(wake)

    async def wait_async(self) -> None:
        """Wait until something is there, or the end, without holding up the loop."""
        loop = asyncio.get_running_loop()
        there = loop.create_future()

        def arrived() -> None:
            if not there.done():
                there.set_result(None)

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(arrived)

        if self._expect(wake):
            try:
                await there
            finally:
                self._expect_no_more(wake)

    async def wait_for_end(self) -> None:
        """Wait until nothing will come any more; what is there is thrown away."""
        while not self._ended:
            self.queue.clear()
            await self.wait_async()

"""Player: waits until a message is due, and sends it. Blocking, for its own thread.

A thread instead of an event loop: libuv's timers have a resolution of 1 ms, to which uvloop rounds
delays, while a waiting thread wakes within some 60 µs. It reads and unpacks blocks while nothing is
due: unpacking a block takes 2 ms, in which a hundred messages may be due.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.recordings.replay.time_shift import with_raised_session

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from feedd.recordings.replay.due_messages import DueMessage
    from feedd.recordings.replay.time_shift import TimeShift

AHEAD = 4_000  # messages read before they are due: more than a block has
READ_WITHIN_NS = 3 * NS_PER_MS  # it reads nothing while it waits for a message due sooner
# A message may be sent this early: a wait is never shorter, and in a burst each would delay the
# rest of it.
EARLY_NS = 50_000
CHECK_EVERY_NS = 100 * NS_PER_MS
SUBSCRIPTIONS_EVERY = 1_000  # messages


class PlayerOutlet(Protocol):
    """Destination of messages; `send` returns False while a slow subscriber blocks it."""

    def send(self, topic: bytes, payload: bytes) -> bool:
        """Send a message."""

    def read_subscriptions(self) -> None:
        """Read new subscriptions and cancellations."""


class Player:
    """Sends messages when they are due, until all are sent or `stop` is set.

    `start_ns` is the replay's start by time.monotonic_ns(). With `shift` it shifts payloads to now;
    without, it only raises the sessions of further passes. Another thread may read at any time:
    `sent`, the number of recorded messages; `passes` and `at_ns` of the last one; and `blocked_s`,
    since when a subscriber blocks it (time.monotonic(); None: it does not).
    """

    def __init__(
        self,
        messages: Iterator[DueMessage | None],
        outlet: PlayerOutlet,
        stop: threading.Event,
        start_ns: int,
        shift: TimeShift | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._messages = messages
        self._ahead: deque[DueMessage] = deque()
        self._outlet = outlet
        self._stop = stop
        self._start_ns = start_ns
        self._shift = shift
        self._now_ns = now_ns
        self.sent = 0
        self.passes = 0
        self.at_ns = 0
        self.blocked_s: float | None = None

    def run(self) -> None:
        """Play."""
        ahead, outlet, shift = self._ahead, self._outlet, self._shift
        stopped = self._stop.is_set
        while not stopped() and (ahead or self._read()):
            if not ahead:
                continue
            due = ahead.popleft()
            at_ns = self._start_ns + due.due_ns - EARLY_NS
            if at_ns > time.monotonic_ns() and not self._wait_until(at_ns):
                return
            payload = due.payload
            if shift is not None:
                payload = shift.shifted(due.topic, payload, due.passes, self._now_ns())
            elif due.passes:
                payload = with_raised_session(payload, due.passes)
            if not outlet.send(due.topic, payload) and not self._send_again(due.topic, payload):
                return
            self.sent += due.recorded
            self.passes, self.at_ns = due.passes, due.at_ns
            if not self.sent % SUBSCRIPTIONS_EVERY:
                outlet.read_subscriptions()

    def _read(self) -> bool:
        """Read the next message, or for some ms without one; return False at the end."""
        for message in self._messages:
            if message is not None:
                self._ahead.append(message)
            return True
        return False

    def _wait_until(self, at_ns: int) -> bool:
        """Wait, and read ahead meanwhile; return False on a stop."""
        more = True
        while (left_ns := at_ns - time.monotonic_ns()) > 0:
            if left_ns > READ_WITHIN_NS and more and len(self._ahead) < AHEAD:
                more = self._read()
                continue
            if left_ns > READ_WITHIN_NS:
                self._outlet.read_subscriptions()
            if self._stop.wait(min(left_ns, CHECK_EVERY_NS) / NS_PER_S):
                return False
        return True

    def _send_again(self, topic: bytes, payload: bytes) -> bool:
        """Send once the slowest subscriber has room; return False on a stop."""
        self.blocked_s = time.monotonic()
        while not self._outlet.send(topic, payload):
            self._outlet.read_subscriptions()
            if self._stop.is_set():
                return False
        self.blocked_s = None
        return True

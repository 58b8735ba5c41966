"""Outbox: which notifications are sent together, when, and when again after a failure. Pure.

A token bucket limits the messages. Notifications that wait are sent together in the next message;
those beyond its length are counted in it. Nothing is dropped without being counted in a message.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.gateway.notifications.notification import Kind, Notification

BURST = 5  # messages in a row, before the limit per minute applies
TOGETHER_S = 1.0  # a notification waits for others of the same cause
MAX_WAITING = 1_000
PER_MESSAGE = 100
BACK_OFF_S = (1.0, 60.0)  # the first and the longest, doubled in between
RETRY_AFTER_AT_MOST_S = 3600.0
REFUSALS = 3  # of one message that is not accepted as it is


class Message(NamedTuple):
    """Notifications that are sent together.

    `more` counts those that are not listed, by kind. `undelivered` counts earlier ones that no
    message could deliver.
    """

    notifications: tuple[Notification, ...]
    more: dict[Kind, int]
    undelivered: int
    repeated: bool = False  # only of faults that last


@dataclass(slots=True)
class OutboxCounts:
    """Numbers since the start: messages, and notifications."""

    sent: int = 0
    failed: int = 0  # attempts
    delivered: int = 0
    undelivered: int = 0


class Outbox:
    """Notifications that wait. One message is under way at a time.

    `per_minute` limits the messages. With `repeat_s`, faults that last are sent again so often.
    Times are of the monotonic clock in s.
    """

    def __init__(self, per_minute: float, repeat_s: float | None = None) -> None:
        self.counts = OutboxCounts()
        self._per_s = per_minute / 60.0
        self._repeat_s = repeat_s
        self._tokens = float(BURST)
        self._filled_s: float | None = None
        self._waiting: deque[Notification] = deque()
        self._more: Counter[Kind] = Counter()  # that found no room
        self._waits_since_s: float | None = None
        self._under_way: Message | None = None
        self._undelivered = 0  # not reported so far
        self._failures = 0  # in a row
        self._refusals = 0
        self._retry_at_s = float("-inf")
        self._repeated_s = float("-inf")

    @property
    def waiting(self) -> int:
        """Number of notifications that are not delivered."""
        under_way = self._under_way
        held = 0 if under_way is None else _size(under_way)
        return len(self._waiting) + sum(self._more.values()) + held

    def add(self, notifications: Iterable[Notification], now_s: float) -> None:
        """Queue notifications; those beyond MAX_WAITING are counted by kind."""
        for one in notifications:
            if self._waits_since_s is None:
                self._waits_since_s = now_s
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(one)
            else:
                self._more[one.kind] += 1

    def next(self, firing: Iterable[Notification], now_s: float) -> Message | None:
        """Return the message to send now, if any; report its result before the next call."""
        if now_s < self._retry_at_s:
            return None
        if self._waits_since_s is not None and now_s - self._waits_since_s >= TOGETHER_S:
            return self._begin(now_s)
        if self._repeat_s is None or now_s - self._repeated_s < self._repeat_s:
            return None
        self._repeated_s = now_s
        lasting = tuple(firing)
        return Message(lasting, {}, 0, repeated=True) if lasting else None

    def sent(self, message: Message) -> None:
        """Note that the message was accepted."""
        self.counts.sent += 1
        self._failures = self._refusals = 0
        if message.repeated:
            return
        self.counts.delivered += _size(message)
        self._undelivered -= message.undelivered
        self._under_way = None

    def failed(
        self, message: Message, now_s: float, *, refused: bool, retry_after_s: float | None = None
    ) -> float:
        """Note that the message was not accepted; return when to try again, in s from now.

        `refused`: the receiver does not accept it as it is; after REFUSALS it is given up.
        """
        self.counts.failed += 1
        first_s, longest_s = BACK_OFF_S
        back_off_s = min(longest_s, first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        if retry_after_s is not None:
            back_off_s = min(max(back_off_s, retry_after_s), RETRY_AFTER_AT_MOST_S)
        self._retry_at_s = now_s + back_off_s
        if message.repeated:
            return back_off_s
        self._under_way = None
        self._refusals = self._refusals + 1 if refused else 0
        if self._refusals >= REFUSALS:
            self._refusals = 0
            self._undelivered += _size(message)
            self.counts.undelivered += _size(message)
        else:
            self._put_back(message, now_s)
        return back_off_s

    def _begin(self, now_s: float) -> Message | None:
        if not self._failures and not self._token(now_s):
            return None
        listed = tuple(self._waiting.popleft() for _ in range(min(PER_MESSAGE, len(self._waiting))))
        more = self._more + Counter(one.kind for one in self._waiting)
        self._waiting.clear()
        self._more.clear()
        self._waits_since_s = None
        self._under_way = Message(listed, dict(more), self._undelivered)
        return self._under_way

    def _token(self, now_s: float) -> bool:
        filled_s = now_s if self._filled_s is None else self._filled_s
        self._tokens = min(float(BURST), self._tokens + (now_s - filled_s) * self._per_s)
        self._filled_s = now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _put_back(self, message: Message, now_s: float) -> None:
        """Queue a message's notifications again, before those that came meanwhile."""
        later = list(self._waiting)
        self._waiting.clear()
        self._more.update(message.more)
        self._waits_since_s = now_s - TOGETHER_S
        self.add((*message.notifications, *later), now_s)


def _size(message: Message) -> int:
    return len(message.notifications) + sum(message.more.values())

"""Reorder buffer: puts the messages of one topic in one session in order.

Pure: no clock and no socket. Each seq from `next` to `high` either waits here or lies in exactly
one missing range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.missing_ranges import MissingRange, MissingRanges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.client.decoding import Message

MAX_WAITING = 5000  # messages of one topic behind a missing range
MAX_RANGES = 500


class ReorderBuffer:
    """One topic. Pass it messages and published seqs; `advance` yields what is next.

    It drops duplicates: `offer` returns whether a message was new.
    """

    __slots__ = ("begins_at", "high", "missing", "next", "session", "waiting")

    def __init__(self, session: int, first: int) -> None:
        self.begin(session, first)

    def begin(self, session: int, first: int) -> None:
        """Start over with a session whose first wanted message is `first`."""
        self.session = session
        self.begins_at = self.next = first
        self.high = first - 1
        self.waiting: dict[int, Message] = {}
        self.missing = MissingRanges()

    def offer(self, seq: int, message: Message, now_s: float, delay_s: float) -> bool:
        """Add a message; return whether it was new. `delay_s`: requests for a gap wait so long."""
        if seq > self.high:
            if seq > self.high + 1:
                self.missing.add(self.high + 1, seq - 1, now_s, delay_s)
            self.high = seq
            self.waiting[seq] = message
            if len(self.waiting) > MAX_WAITING or len(self.missing.ranges) > MAX_RANGES:
                self.missing.give_up_first(f"more than {MAX_WAITING:,} messages waited for it")
            return True
        if seq < self.next or not self.missing.fill(seq):
            return False
        self.waiting[seq] = message
        return True

    def published(
        self, high: int, now_s: float, delay_s: float, *, as_snapshot: bool = False
    ) -> None:
        """Note that messages up to `high` were published.

        `as_snapshot`: the last of them replaces the snapshot.
        """
        if high > self.high:
            self.missing.add_tail(self.high + 1, high, now_s, delay_s, as_snapshot=as_snapshot)
            self.high = high

    def take_missed_beginning(self) -> int:
        """Return how many messages precede the first wanted one; 0 from the second call on."""
        missed, self.begins_at = self.begins_at - 1, 1
        return missed

    def advance(self) -> Iterator[Message | MissingRange]:
        """Yield what is next: messages, and missing ranges that are given up."""
        while self.next <= self.high:
            message = self.waiting.pop(self.next, None)
            if message is not None:
                self.next += 1
                yield message
                continue
            lost = self.missing.take_given_up()
            if lost is None:
                return
            self.next = lost.last + 1
            yield lost

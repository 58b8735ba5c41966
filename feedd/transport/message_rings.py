"""What was published last: a ring of messages for every topic, bounded every way. Pure.

A ring holds messages of one session, the newest that was seen, by rising seq. What is not in it
is missing from it and never replaced by anything else: what a ring holds is what was published.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from feedd.codec import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

MESSAGES_PER_TOPIC = 10_000
MEMORY_BYTES = 256_000_000
TOPICS = 50_000
TOPIC_LENGTH = 256
PAYLOAD_BYTES = 65_536  # three times the deepest book
# What CPython takes beside the bytes themselves, measured: a bytes object's head, what its
# allocation is rounded up by, and its place in a deque; and all that an empty ring consists of.
MESSAGE_OVERHEAD = 64
TOPIC_OVERHEAD = 1536
BIN_HEAD = 5  # at the most, of a MessagePack bin of this length

TopicMessage = tuple[bytes, bytes]  # topic and payload, as published


class _Numbers(Struct, gc=False):
    """What the rings read of a payload; all else in it is skipped."""

    session: Annotated[int, Meta(ge=0)]
    seq: Annotated[int, Meta(ge=1)]


_numbers = msgspec.msgpack.Decoder(_Numbers)


@dataclass(slots=True)
class DropCounts:
    """How many messages were not kept, and why."""

    undecodable: int = 0  # no session and seq in it, or a topic that is none
    too_large: int = 0
    new_topic: int = 0  # beyond the number of topics
    older_session: int = 0
    repeated: int = 0  # or too late: what came after it is gone already


@dataclass(slots=True)
class _Ring:
    """One topic; while it is not empty, `high` is the seq of its last message."""

    session: int = -1
    high: int = 0
    size: int = 0  # of its messages with their overhead, in bytes
    payloads: deque[bytes] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """Messages of one topic and session; `low` and `high` are of all that the ring still holds."""

    low: int | None
    high: int | None
    messages: list[TopicMessage]


class MessageRings:
    """The rings of all topics.

    Of one topic at most `per_topic` messages are kept. All rings with their messages take at most
    `memory_bytes`: when they would take more, a topic of those that hold the most loses its oldest
    message. So a topic that holds less than half of what the largest does loses none, however
    busy the others are. A message beyond the number of topics is refused: half of the
    memory is for messages in any case.

    Each message costs a bounded time, whatever the rings hold.
    """

    def __init__(
        self,
        per_topic: int = MESSAGES_PER_TOPIC,
        memory_bytes: int = MEMORY_BYTES,
        topics: int = TOPICS,
    ) -> None:
        self._per_topic = per_topic
        self._memory_bytes = memory_bytes
        self._max_topics = topics
        self._rings: dict[bytes, _Ring] = {}
        self._sorted: list[bytes] = []
        # By the bit length of their size: those of one class differ by less than a factor of two.
        most = (memory_bytes + PAYLOAD_BYTES + MESSAGE_OVERHEAD).bit_length()
        self._classes = [OrderedDict[bytes, _Ring]() for _ in range(most + 1)]
        self._topics_bytes = 0
        self._messages_bytes = 0
        self.not_kept = DropCounts()

    @property
    def taken_bytes(self) -> int:
        """What all topics and messages take."""
        return self._topics_bytes + self._messages_bytes

    @property
    def topics(self) -> int:
        """How many topics there are."""
        return len(self._rings)

    def add(self, topic: bytes, payload: bytes) -> None:
        """Keep a message, or count why not."""
        try:
            numbers = _numbers.decode(payload)
        except UNREADABLE:
            self.not_kept.undecodable += 1
            return
        if len(payload) > PAYLOAD_BYTES:
            self.not_kept.too_large += 1
            return
        ring = self._rings.get(topic) or self._open(topic)
        if ring is None:
            return
        if numbers.session != ring.session and not self._begin(topic, ring, numbers.session):
            return
        seq = numbers.seq
        if seq > ring.high:
            ring.payloads.append(payload)
            ring.high = seq
        elif not self._put_right(ring, seq, payload):
            self.not_kept.repeated += 1
            return
        grown = len(payload) + MESSAGE_OVERHEAD
        if len(ring.payloads) > self._per_topic:
            grown -= len(ring.payloads.popleft()) + MESSAGE_OVERHEAD
        self._resize(topic, ring, grown)
        while self.taken_bytes > self._memory_bytes:
            self._drop_one()

    def last(
        self, prefixes: Iterable[bytes], after: bytes | None, limit: int, limit_bytes: int
    ) -> tuple[list[TopicMessage], bool]:
        """Return the last message of each topic with one of the prefixes, and whether it is all.

        They are sorted by topic; only topics behind `after` are looked at. At most `limit` messages
        and `limit_bytes` of them are returned, but one in any case.
        """
        found: list[TopicMessage] = []
        size = 0
        topics = self._sorted
        begin = 0 if after is None else bisect_right(topics, after)
        for prefix in _without_nested(prefixes):
            for index in range(bisect_left(topics, prefix, begin), len(topics)):
                topic = topics[index]
                if not topic.startswith(prefix):
                    break
                payloads = self._rings[topic].payloads
                if not payloads:
                    continue
                message = topic, payloads[-1]
                size += _size(message)
                if found and (len(found) >= limit or size > limit_bytes):
                    return found, False
                found.append(message)
        return found, True

    def range(
        self, topic: bytes, session: int, first: int, last: int, limit: int, limit_bytes: int
    ) -> ReplayRange:
        """Return those of first..last, both included, that are there, from the lowest on.

        At most `limit` messages and `limit_bytes` of them are returned, but one in any case.
        """
        ring = self._rings.get(topic)
        if ring is None or ring.session != session or not ring.payloads:
            return ReplayRange(None, None, [])
        payloads = ring.payloads
        begin = bisect_left(payloads, first, key=_seq)
        end = bisect_right(payloads, last, lo=begin, key=_seq)
        messages: list[TopicMessage] = []
        size = 0
        for payload in islice(payloads, begin, min(end, begin + limit)):
            message = topic, payload
            size += _size(message)
            if messages and size > limit_bytes:
                break
            messages.append(message)
        return ReplayRange(_seq(payloads[0]), ring.high, messages)

    def _open(self, topic: bytes) -> _Ring | None:
        if not topic.isascii() or len(topic) > TOPIC_LENGTH:
            self.not_kept.undecodable += 1
            return None
        taken = self._topics_bytes + TOPIC_OVERHEAD + len(topic)
        if len(self._rings) >= self._max_topics or taken > self._memory_bytes // 2:
            self.not_kept.new_topic += 1
            return None
        self._topics_bytes = taken
        ring = self._rings[topic] = self._classes[0][topic] = _Ring()
        insort(self._sorted, topic)
        return ring

    def _begin(self, topic: bytes, ring: _Ring, session: int) -> bool:
        """Begin a new session of a topic; return False where it is an older one."""
        if session < ring.session:
            self.not_kept.older_session += 1
            return False
        ring.payloads.clear()
        ring.session, ring.high = session, 0
        self._resize(topic, ring, -ring.size)
        return True

    def _put_right(self, ring: _Ring, seq: int, payload: bytes) -> bool:
        """Put a message that came late where it belongs; return False where it has no place."""
        payloads = ring.payloads
        if not payloads:
            return False
        index = bisect_left(payloads, seq, key=_seq)
        if _seq(payloads[index]) == seq or (index == 0 and len(payloads) == self._per_topic):
            return False
        payloads.insert(index, payload)
        return True

    def _resize(self, topic: bytes, ring: _Ring, grown: int) -> None:
        before = ring.size.bit_length()
        ring.size += grown
        self._messages_bytes += grown
        after = ring.size.bit_length()
        if after != before:
            self._classes[after][topic] = self._classes[before].pop(topic)

    def _drop_one(self) -> None:
        """Drop the oldest message of a topic that holds the most."""
        largest = next(rings for rings in reversed(self._classes) if rings)
        topic, ring = next(iter(largest.items()))
        self._resize(topic, ring, -len(ring.payloads.popleft()) - MESSAGE_OVERHEAD)


def _size(message: TopicMessage) -> int:
    """Return what a message takes in an answer, in bytes: both frames, each with its head."""
    return len(message[0]) + len(message[1]) + 2 * BIN_HEAD


def _seq(payload: bytes) -> int:
    return _numbers.decode(payload).seq


def _without_nested(prefixes: Iterable[bytes]) -> Iterable[bytes]:
    """Yield prefixes in order, without those that begin with another one of them."""
    last: bytes | None = None
    for prefix in sorted(prefixes):
        if last is None or not prefix.startswith(last):
            last = prefix
            yield prefix

"""Ring buffers of the latest messages, one per topic, with bounds on messages and memory. Pure.

A ring holds messages of one session, the newest one, ascending by seq. It contains only published
messages: a message that it lacks is never replaced by another one.
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
PAYLOAD_BYTES = 65_536  # three times the size of the deepest book
# Measured overhead of CPython: a bytes object's header, its allocation's rounding and its slot in a
# deque; and all objects of an empty ring.
MESSAGE_OVERHEAD = 64
TOPIC_OVERHEAD = 1536
BIN_HEAD = 5  # at most, for a MessagePack bin of this length

TopicMessage = tuple[bytes, bytes]  # topic and payload, as published


class _Numbers(Struct, gc=False):
    """The keys of a payload that the rings read; all others are skipped."""

    session: Annotated[int, Meta(ge=0)]
    seq: Annotated[int, Meta(ge=1)]


_numbers = msgspec.msgpack.Decoder(_Numbers)


@dataclass(slots=True)
class DropCounts:
    """Numbers of messages that were not kept, by reason."""

    undecodable: int = 0  # no session and seq, or an invalid topic
    too_large: int = 0
    new_topic: int = 0  # beyond the limit of topics
    older_session: int = 0
    repeated: int = 0  # or so late that later messages are already dropped


@dataclass(slots=True)
class _Ring:
    """One topic; unless it is empty, `high` is the seq of its last message."""

    session: int = -1
    high: int = 0
    size: int = 0  # bytes of its messages with their overhead
    payloads: deque[bytes] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """Messages of one topic and session; the ring still holds `low` to `high`."""

    low: int | None
    high: int | None
    messages: list[TopicMessage]


class MessageRings:
    """Rings of all topics.

    A ring keeps at most `per_topic` messages. All rings and messages use at most `memory_bytes`:
    beyond that, one of the largest topics drops its oldest message. So a topic that uses less than
    half as much as the largest one drops none, no matter how busy the others are. A message of a
    new topic beyond the limit of topics is rejected. At least half of the memory is for messages.

    The time per message is bounded.
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
        # By the bit length of their size: sizes in one class differ by less than a factor of two.
        largest = (memory_bytes + PAYLOAD_BYTES + MESSAGE_OVERHEAD).bit_length()
        self._classes = [OrderedDict[bytes, _Ring]() for _ in range(largest + 1)]
        self._topics_bytes = 0
        self._messages_bytes = 0
        self._expected: dict[bytes, int] = {}
        self.not_kept = DropCounts()

    def begin_with(self, messages: Iterable[TopicMessage]) -> None:
        """Keep messages that will be added once more, which is not counted as a repetition."""
        for topic, payload in messages:
            self.add(topic, payload)
            self._expected[topic] = _seq(payload)

    @property
    def used_bytes(self) -> int:
        """Memory used by all topics and messages."""
        return self._topics_bytes + self._messages_bytes

    @property
    def topics(self) -> int:
        """Number of topics."""
        return len(self._rings)

    def add(self, topic: bytes, payload: bytes) -> None:
        """Keep a message, or count the reason why not."""
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
        elif not self._insert(ring, seq, payload):
            self.not_kept.repeated += self._expected.pop(topic, None) != seq
            return
        grown = len(payload) + MESSAGE_OVERHEAD
        if len(ring.payloads) > self._per_topic:
            grown -= len(ring.payloads.popleft()) + MESSAGE_OVERHEAD
        self._resize(topic, ring, grown)
        while self.used_bytes > self._memory_bytes:
            self._drop_one()

    def last(
        self, prefixes: Iterable[bytes], after: bytes | None, limit: int, limit_bytes: int
    ) -> tuple[list[TopicMessage], bool]:
        """Return the last message of each topic with a prefix, and whether they are complete.

        They are sorted by topic, and begin after the topic `after`. Returns at most `limit`
        messages and `limit_bytes`, but at least one message if there is one.
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
        """Return the kept messages of `first` to `last` inclusive, ascending.

        Returns at most `limit` messages and `limit_bytes`, but at least one message if there is
        one.
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
        if not _is_text(topic) or len(topic) > TOPIC_LENGTH:
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
        """Begin a new session of a topic; return False if it is an older one."""
        if session < ring.session:
            self.not_kept.older_session += 1
            return False
        ring.payloads.clear()
        ring.session, ring.high = session, 0
        self._resize(topic, ring, -ring.size)
        return True

    def _insert(self, ring: _Ring, seq: int, payload: bytes) -> bool:
        """Insert a late message in order; return False if it is a duplicate or too late."""
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
        """Drop the oldest message of one of the largest topics."""
        largest = next(rings for rings in reversed(self._classes) if rings)
        topic, ring = next(iter(largest.items()))
        self._resize(topic, ring, -len(ring.payloads.popleft()) - MESSAGE_OVERHEAD)


def _size(message: TopicMessage) -> int:
    """Return a message's size in a response, in bytes: both frames, each with its head."""
    return len(message[0]) + len(message[1]) + 2 * BIN_HEAD


def _seq(payload: bytes) -> int:
    return _numbers.decode(payload).seq


def _without_nested(prefixes: Iterable[bytes]) -> Iterable[bytes]:
    """Yield the prefixes in order, without those that begin with another one."""
    last: bytes | None = None
    for prefix in sorted(prefixes):
        if last is None or not prefix.startswith(last):
            last = prefix
            yield prefix


def _is_text(topic: bytes) -> bool:
    try:
        topic.decode()
    except UnicodeDecodeError:
        return False
    return True

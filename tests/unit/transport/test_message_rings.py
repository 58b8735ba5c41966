"""The rings keep published messages, and never anything else."""

from __future__ import annotations

from typing import Any

import msgpack
from hypothesis import given, settings
from hypothesis import strategies as st

from feedd.transport import message_rings as module
from feedd.transport.message_rings import (
    MESSAGE_OVERHEAD,
    TOPIC_OVERHEAD,
    MessageRings,
    ReplayRange,
)

A, B = b"quote.x.A.", b"quote.x.B."


def payload(session: int, seq: int, size: int = 0) -> bytes:
    """Return a worker's payload, longer by a number of bytes."""
    return msgpack.packb({"symbol": "A", "pad": b"\0" * size, "session": session, "seq": seq})


def filled(
    rings: MessageRings, topic: bytes, seqs: Any, session: int = 1, size: int = 0
) -> MessageRings:
    for seq in seqs:
        rings.add(topic, payload(session, seq, size))
    return rings


def held(rings: MessageRings, topic: bytes = A, session: int = 1) -> ReplayRange:
    return rings.range(topic, session, 0, 2**63, 10**6, 2**40)


def seqs(found: ReplayRange) -> list[int]:
    return [msgpack.unpackb(payload)["seq"] for _, payload in found.messages]


def test_a_range_returns_its_messages_and_the_available_bounds() -> None:
    rings = filled(MessageRings(), A, range(1, 11))
    found = rings.range(A, 1, 3, 6, 100, 2**40)
    assert (found.low, found.high) == (1, 10)
    assert found.messages == [(A, payload(1, seq)) for seq in range(3, 7)]
    assert seqs(rings.range(A, 1, 3, 6, 2, 2**40)) == [3, 4]
    assert seqs(rings.range(A, 1, 9, 99, 100, 2**40)) == [9, 10]
    assert rings.range(A, 1, 6, 3, 100, 2**40).messages == []
    nothing = ReplayRange(None, None, [])
    assert rings.range(A, 2, 1, 9, 100, 2**40) == nothing
    assert rings.range(B, 1, 1, 9, 100, 2**40) == nothing


def test_an_answer_is_bounded_in_bytes_except_for_its_first_message() -> None:
    rings = filled(MessageRings(), A, range(1, 4))
    two = 2 * (len(A) + len(payload(1, 1)) + 10)
    assert seqs(rings.range(A, 1, 1, 3, 9, 1)) == [1]
    assert seqs(rings.range(A, 1, 1, 3, 9, two)) == [1, 2]
    assert seqs(rings.range(A, 1, 2, 3, 9, two)) == [2, 3]
    filled(filled(rings, B, [1]), b"quote.x.C.", [1])
    assert rings.last([b""], None, 9, 1) == ([(A, payload(1, 3))], False)
    assert rings.last([b""], A, 9, two) == (
        [(B, payload(1, 1)), (b"quote.x.C.", payload(1, 1))], True,
    )  # fmt: skip


def test_a_topic_keeps_its_newest_messages_up_to_the_count() -> None:
    found = held(filled(MessageRings(per_topic=5), A, range(1, 101)))
    assert (found.low, found.high, seqs(found)) == (96, 100, [96, 97, 98, 99, 100])


def test_missing_messages_stay_missing_until_a_late_one_fills_them() -> None:
    rings = filled(MessageRings(per_topic=5), A, [3, 4, 7])
    assert seqs(held(rings)) == [3, 4, 7]
    filled(rings, A, [6, 2])
    assert seqs(held(rings)) == [2, 3, 4, 6, 7]
    filled(rings, A, [1, 4, 7, 5])  # older than what a full ring begins with, twice there, late
    assert seqs(held(rings)) == [3, 4, 5, 6, 7]
    assert rings.not_kept.repeated == 3


def test_a_newer_session_resets_the_ring_and_an_older_one_is_counted() -> None:
    rings = filled(filled(MessageRings(), A, range(1, 5)), A, [1], session=2)
    assert held(rings).low is None
    assert seqs(held(rings, session=2)) == [1]
    filled(rings, A, [5, 6])
    assert seqs(held(rings, session=2)) == [1]
    assert rings.not_kept.older_session == 2


def test_the_last_messages_come_by_prefix_in_the_order_of_their_topics() -> None:
    rings = MessageRings()
    for topic in (b"trade.x.A.", B, A, b"quote.y.A."):
        filled(rings, topic, [1, 2])
    topics = [A, B, b"quote.y.A.", b"trade.x.A."]
    assert rings.last([b""], None, 9, 2**40) == ([(topic, payload(1, 2)) for topic in topics], True)

    def found(*prefixes: bytes, after: bytes | None = None, limit: int = 9) -> Any:
        messages, complete = rings.last(prefixes, after, limit, 2**40)
        return [topic for topic, _ in messages], complete

    assert found(b"trade.", b"quote.x.", A, A) == ([A, B, b"trade.x.A."], True)
    assert found() == ([], True)
    assert found(b"quote.", limit=2) == ([A, B], False)
    assert found(b"quote.", after=B, limit=2) == ([b"quote.y.A."], True)
    assert found(b"quote.", limit=3) == (topics[:3], True)


def test_the_largest_topics_drop_messages_first() -> None:
    one = len(payload(1, 100, 100)) + MESSAGE_OVERHEAD
    rings = MessageRings(memory_bytes=100 * one + 2 * TOPIC_OVERHEAD + len(A) + len(B))
    filled(rings, B, range(100, 120), size=100)
    filled(rings, A, range(100, 1100), size=100)
    assert seqs(held(rings, B)) == list(range(100, 120))
    assert 75 <= len(held(rings).messages) <= 80
    assert held(rings).high == 1099


def test_topics_beyond_the_number_are_refused_and_counted() -> None:
    rings = filled(filled(MessageRings(topics=1), A, [1]), B, [1, 2])
    assert (rings.topics, rings.not_kept.new_topic) == (1, 2)
    assert seqs(held(rings)) == [1]
    little = MessageRings(memory_bytes=5 * TOPIC_OVERHEAD)
    for number in range(10):
        filled(little, b"t%d." % number, [1])
    assert (little.topics, little.not_kept.new_topic) == (2, 8)


def test_a_message_not_from_a_worker_is_counted_and_not_stored() -> None:
    rings = MessageRings()
    for junk in (
        b"", b"\xc1", b"\x91" * 50_000, msgpack.packb({"seq": 1}), msgpack.packb([1, 2]),
        msgpack.packb({"session": -1, "seq": 1}), msgpack.packb({"session": 1, "seq": 0}),
        msgpack.packb({"session": 1, "seq": "1"}), payload(1, 1) + b"\0",
        b"\x83\xa7session\x01\xa3seq\x01\xa1x" + b"\x91" * 50_000,
    ):  # fmt: skip
        rings.add(A, junk)
    rings.add(b"quote.\xff.", payload(1, 1))
    rings.add(b"t" * (module.TOPIC_LENGTH + 1), payload(1, 1))
    assert (rings.topics, rings.used_bytes, rings.not_kept.undecodable) == (0, 0, 12)
    rings.add(A, payload(1, 1, module.PAYLOAD_BYTES))
    assert (rings.topics, rings.not_kept.too_large) == (0, 1)


message = st.tuples(
    st.sampled_from([A, B, b"trade.x.A."]), st.integers(1, 3), st.integers(1, 30),
    st.sampled_from([0, 50, 300, 3000, 9000]),
)  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(message, max_size=120), st.integers(1, 12), st.integers(0, 4000), st.integers(0, 31)
)
def test_a_range_contains_only_published_messages(
    sent: list[tuple[bytes, int, int, int]], per_topic: int, memory: int, first: int
) -> None:
    bound = memory + 6 * (TOPIC_OVERHEAD + len(A))
    rings = MessageRings(per_topic=per_topic, memory_bytes=bound)
    published: set[tuple[bytes, bytes]] = set()
    newest: dict[bytes, int] = {}
    for topic, session, seq, size in sent:
        rings.add(topic, payload(session, seq, size))
        published.add((topic, payload(session, seq, size)))
        newest[topic] = max(newest.get(topic, 0), session)
        assert rings.used_bytes <= bound
    taken = 0
    for topic, session in newest.items():
        for older in range(1, session):
            assert held(rings, topic, older) == ReplayRange(None, None, [])
        found = held(rings, topic, session)
        numbers = seqs(found)
        assert set(found.messages) <= published
        assert numbers == sorted(set(numbers))
        assert (found.low, found.high) == ((numbers[0], numbers[-1]) if numbers else (None, None))
        assert len(numbers) <= per_topic
        part = rings.range(topic, session, first, first + 5, 3, 2**40)
        assert seqs(part) == [seq for seq in numbers if first <= seq <= first + 5][:3]
        last, complete = rings.last([topic], None, 1, 2**40)
        assert (last, complete) == (found.messages[-1:], True)
        if numbers:
            assert numbers[-1] == max(seq for t, s, seq, _ in sent if (t, s) == (topic, session))
        taken += TOPIC_OVERHEAD + len(topic)
        taken += sum(len(kept) + MESSAGE_OVERHEAD for _, kept in found.messages)
    assert rings.used_bytes == taken


@settings(deadline=None)
@given(st.lists(st.integers(200, 2000), min_size=100, max_size=200))
def test_a_topic_of_less_than_half_of_the_largest_loses_nothing(sizes: list[int]) -> None:
    rings = MessageRings(memory_bytes=2 * TOPIC_OVERHEAD + 40_000)
    filled(rings, B, [1, 2, 3])
    for seq, size in enumerate(sizes, 1):
        filled(rings, A, [seq], size=size)
    assert seqs(held(rings, B)) == [1, 2, 3]


@settings(deadline=None)
@given(st.binary(), st.binary())
def test_any_bytes_are_tolerated(topic: bytes, junk: bytes) -> None:
    rings = filled(MessageRings(), A, [1])
    rings.add(topic, junk)
    rings.add(A, junk)
    assert held(rings).messages[:1] == [(A, payload(1, 1))]

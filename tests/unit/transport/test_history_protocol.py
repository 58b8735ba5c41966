"""Requests to the history service and its answers."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedd.transport.history_protocol import respond
from feedd.transport.message_rings import MessageRings

A, B = "quote.x.A.", "quote.x.B."


def payload(session: int, seq: int) -> bytes:
    return msgpack.packb({"session": session, "seq": seq})


def asked(rings: MessageRings, **request: Any) -> dict[str, Any]:
    answered: dict[str, Any] = msgpack.unpackb(respond(msgpack.packb(request), rings))
    return answered


@pytest.fixture
def rings() -> MessageRings:
    rings = MessageRings()
    for seq in range(1, 6):
        rings.add(A.encode(), payload(7, seq))
        rings.add(B.encode(), payload(8, seq))
    return rings


def test_a_snapshot_is_the_last_message_of_each_topic(rings: MessageRings) -> None:
    assert asked(rings, op="snapshot", topics=["quote."], id=[1, "a"]) == {
        "op": "snapshot",
        "id": [1, "a"],
        "messages": [[A.encode(), payload(7, 5)], [B.encode(), payload(8, 5)]],
        "complete": True,
    }
    assert asked(rings, op="snapshot", topics=[""], after=A)["messages"] == [
        [B.encode(), payload(8, 5)]
    ]


def test_a_replay_is_a_range_of_one_topic(rings: MessageRings) -> None:
    assert asked(rings, op="replay", topic=A, session=7, **{"from": 2, "to": 3}) == {
        "op": "replay",
        "id": None,
        "topic": A,
        "session": 7,
        "from": 2,
        "to": 3,
        "low": 1,
        "high": 5,
        "messages": [[A.encode(), payload(7, 2)], [A.encode(), payload(7, 3)]],
    }
    other = asked(rings, op="replay", topic=A, session=6, **{"from": 2, "to": 3})
    assert (other["low"], other["high"], other["messages"]) == (None, None, [])


def test_a_response_has_at_most_2000_messages() -> None:
    rings = MessageRings()
    for number in range(2001):
        rings.add(A.encode(), payload(1, number + 1))
        rings.add(b"t%04d." % number, payload(1, 1))
    found = asked(rings, op="replay", topic=A, session=1, **{"from": 1, "to": 2**40})
    assert (len(found["messages"]), found["high"]) == (2000, 2001)
    first = asked(rings, op="snapshot", topics=["t"])
    assert (len(first["messages"]), first["complete"]) == (2000, False)
    rest = asked(rings, op="snapshot", topics=["t"], after=first["messages"][-1][0].decode())
    assert ([topic for topic, _ in rest["messages"]], rest["complete"]) == ([b"t2000."], True)


def test_a_response_has_at_most_4_mb_and_the_rest_can_be_requested() -> None:
    rings = MessageRings()
    pad = b"x" * 60_000
    large = msgpack.packb({"session": 1, "seq": 1, "pad": pad})
    for number in range(200):  # 12 MB
        if number < 127:
            rings.add(A.encode(), msgpack.packb({"session": 1, "seq": number + 1, "pad": pad}))
        rings.add(b"t%04d." % number, large)
    got: list[int] = []
    while len(got) < 127:
        request = {"op": "replay", "topic": A, "session": 1, "from": len(got) + 1, "to": 127}
        raw = respond(msgpack.packb(request), rings)
        assert len(raw) < 4_001_000
        found = msgpack.unpackb(raw)
        assert (found["low"], found["high"]) == (1, 127)
        got += [msgpack.unpackb(payload)["seq"] for _, payload in found["messages"]]
    assert got == list(range(1, 128))
    topics: list[bytes] = []
    complete, answers = False, 0
    while not complete:
        after = topics[-1].decode() if topics else None
        raw = respond(msgpack.packb({"op": "snapshot", "topics": ["t"], "after": after}), rings)
        assert len(raw) < 4_001_000
        found = msgpack.unpackb(raw)
        topics += [topic for topic, _ in found["messages"]]
        complete, answers = found["complete"], answers + 1
    assert topics == [b"t%04d." % number for number in range(200)]
    assert answers == 4


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "`op`"),
        ({"op": "reply"}, "'reply'"),
        ({"op": "snapshot"}, "`topics`"),
        ({"op": "snapshot", "topics": "quote."}, "Expected `array`, got `str`"),
        ({"op": "snapshot", "topics": [b"quote."]}, "Expected `str`, got `bytes`"),
        ({"op": "replay", "topic": A, "session": 1, "from": 1}, "`to`"),
        ({"op": "replay", "topic": A, "session": 1, "from": 1.5, "to": 2}, "$.from"),
    ],
)
def test_an_invalid_request_is_answered_with_the_error_and_the_remedy(
    rings: MessageRings, request_: dict[str, Any], message: str
) -> None:
    answered = asked(rings, **request_, id=5)
    assert answered.keys() == {"op", "id", "error"}
    assert (answered["op"], answered["id"]) == (request_.get("op"), 5)
    assert message in answered["error"]
    assert 'send {"op": "snapshot", "topics": [prefix, …]}' in answered["error"]


@pytest.mark.parametrize(
    "junk", [b"", b"\xc1", b"\x90", b"\x91" * 60_000, msgpack.packb(["op"]), b"\x81\xa2id" * 9999]
)
def test_a_request_that_is_not_a_map_is_answered_with_an_error(
    rings: MessageRings, junk: bytes
) -> None:
    answered = msgpack.unpackb(respond(junk, rings))
    assert (answered["op"], answered["id"]) == (None, None)
    assert answered["error"]


text = st.text("aé.", max_size=5)
value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | text | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
key = st.sampled_from(["op", "id", "topics", "topic", "session", "from", "to", "after"])


@settings(deadline=None)
@given(st.dictionaries(key, value | st.sampled_from(["snapshot", "replay", A, [A], [""], 7])))
def test_every_map_is_answered(request_: dict[str, Any]) -> None:
    rings = MessageRings()
    rings.add(A.encode(), payload(7, 1))
    answered = asked(rings, **request_)
    assert answered["id"] == request_.get("id")
    assert ("error" in answered) != ("messages" in answered)


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_answered(junk: bytes) -> None:
    assert msgpack.unpackb(respond(junk, MessageRings()))["error"]


def test_text_that_is_not_utf_8_is_an_invalid_request() -> None:
    request = msgpack.packb({"op": "snapshot", "topics": ["q?"], "id": 1}).replace(b"?", b"\xff")
    answered = msgpack.unpackb(respond(request, MessageRings()))
    assert answered["id"] == 1
    assert "UTF-8" in answered["error"] or "utf-8" in answered["error"]

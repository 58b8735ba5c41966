"""The publisher's side of ZMTP: bytes in, bytes out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedd.transport.zmtp import (
    COMMAND,
    GREETING,
    LENGTH_BYTES,
    LONG,
    MAX_FRAME_BYTES,
    MORE,
    READY,
    ZmtpError,
    ZmtpSubscriber,
    command,
    message_end,
    message_head,
)

QUOTE, TRADE = b"quote.x.A.", b"trade.x.A."
TOPICS = [QUOTE, TRADE]
# Greeting of libzmq 4.3.5: minor version 1, an empty identity beside the socket type.
LIBZMQ = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(16) + bytes(32)
HELLO = LIBZMQ + b"\x04\x26\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB\x08Identity\x00\x00\x00\x00"


def frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) > 255:
        return bytes([flags | LONG]) + len(body).to_bytes(LENGTH_BYTES, "big") + body
    return bytes([flags, len(body)]) + body


def ready(properties: bytes) -> bytes:
    return command(b"READY", properties)


def kind(name: bytes, label: bytes = b"Socket-Type") -> bytes:
    return bytes([len(label)]) + label + len(name).to_bytes(4, "big") + name


def greeted() -> ZmtpSubscriber:
    subscriber = ZmtpSubscriber(TOPICS)
    subscriber.receive(LIBZMQ + ready(kind(b"SUB")))
    assert subscriber.ready
    return subscriber


def test_the_greeting_is_zmtp_3_0_with_null_and_the_ready_is_of_a_pub() -> None:
    """RFC 23: signature, version, mechanism, as-server, filler; then the command."""
    signature, version, mechanism = b"\xff\0\0\0\0\0\0\0\0\x7f", b"\x03\0", b"NULL" + bytes(16)
    assert bytes(GREETING) == signature + version + mechanism + bytes(32)
    assert READY == b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB"


TALK = (
    HELLO
    + frame(b"\x01" + QUOTE)
    + command(b"SUBSCRIBE", b"")
    + command(b"PING", b"\0\x0acontext")
    + command(b"CANCEL", b"")
    + frame(b"\x01" + bytes(300))
    + frame(b"\x01trade")
    + frame(b"\x00" + QUOTE)
)


@given(st.sets(st.integers(1, len(TALK) - 1)))
@settings(max_examples=100, deadline=None)
def test_the_result_does_not_depend_on_how_the_bytes_are_split(cuts: set[int]) -> None:
    subscriber, answers = ZmtpSubscriber(TOPICS), b""
    for begin, end in pairwise([0, *sorted(cuts), len(TALK)]):
        answers += subscriber.receive(TALK[begin:end])
    assert answers == READY + b"\x04\x0c\x04PONGcontext"
    assert subscriber.ready
    assert subscriber.wants == {TRADE}
    assert not subscriber._data


def test_the_answer_follows_the_whole_greeting_and_no_topic_is_subscribed_by_default() -> None:
    subscriber = ZmtpSubscriber(TOPICS)
    assert subscriber.receive(LIBZMQ[:63]) == b""
    assert subscriber.receive(LIBZMQ[63:]) == READY
    assert not subscriber.ready
    assert subscriber.receive(ready(kind(b"SUB"))) == b""
    assert subscriber.ready
    assert subscriber.wants == frozenset()


@pytest.mark.parametrize("version", [b"\x03\x00", b"\x03\x01", b"\x04\x00"])
@pytest.mark.parametrize("name", [b"SUB", b"XSUB"])
def test_any_sub_of_version_3_or_later_is_accepted(version: bytes, name: bytes) -> None:
    subscriber = ZmtpSubscriber(TOPICS)
    greeting = LIBZMQ[:10] + version + LIBZMQ[12:]
    subscriber.receive(greeting + ready(kind(b"", b"Identity") + kind(name, b"socket-TYPE")))
    assert subscriber.ready


@pytest.mark.parametrize("as_commands", [False, True])
def test_subscriptions_are_a_set_of_prefixes(as_commands: bool) -> None:
    """A repeated subscription counts once: RFC 29 keeps no count."""

    def say(subscribe: bool, prefix: bytes) -> frozenset[bytes]:
        if as_commands:
            subscriber.receive(command(b"SUBSCRIBE" if subscribe else b"CANCEL", prefix))
        else:
            subscriber.receive(frame((b"\x01" if subscribe else b"\x00") + prefix))
        return subscriber.wants

    subscriber = greeted()
    assert say(True, b"quote.") == {QUOTE}
    assert say(True, b"quote.") == {QUOTE}
    assert say(True, b"") == {QUOTE, TRADE}
    assert say(True, TRADE) == {QUOTE, TRADE}
    assert say(False, b"") == {QUOTE, TRADE}
    assert say(False, b"quote.") == {TRADE}
    assert say(False, b"quote.") == {TRADE}
    assert say(False, b"trade") == {TRADE}  # a prefix that was not subscribed
    assert say(False, TRADE) == frozenset()
    assert say(True, TRADE + b"more") == frozenset()


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([b"", b"q", QUOTE, b"trade.", b"z"]))))
@settings(max_examples=100, deadline=None)
def test_the_last_command_for_a_prefix_decides_its_subscription(
    subscriptions: list[tuple[bool, bytes]],
) -> None:
    subscriber = greeted()
    subscriber.receive(b"".join(frame(bytes([yes]) + prefix) for yes, prefix in subscriptions))
    last = {prefix: yes for yes, prefix in subscriptions}
    prefixes = tuple(prefix for prefix, yes in last.items() if yes)
    assert subscriber.wants == {one for one in TOPICS if one.startswith(prefixes)}


def test_only_prefixes_of_own_topics_are_kept() -> None:
    subscriber = greeted()
    for number in range(2000):
        subscriber.receive(
            frame(b"\x01other.%d" % number) + frame(b"\x01" + QUOTE + b"%d" % number)
        )
        subscriber.receive(command(b"SUBSCRIBE", QUOTE[: number % 11]))
    assert len(subscriber._prefixes) == len(QUOTE) + 1
    assert not subscriber._data


def test_a_ping_is_answered_with_its_context_of_at_most_16_bytes() -> None:
    """RFC 37: two bytes of time to live, then the context."""
    subscriber = greeted()
    assert subscriber.receive(command(b"PING", b"\0\x05")) == b"\x04\x05\x04PONG"
    assert subscriber.receive(command(b"PING", b"\0\x05abc")) == b"\x04\x08\x04PONGabc"
    long = bytes(range(40))
    assert subscriber.receive(command(b"PING", long)) == command(b"PONG", long[2:18])
    two = command(b"PING", b"\0\0a") + command(b"PING", b"\0\0b")
    assert subscriber.receive(two) == command(b"PONG", b"a") + command(b"PONG", b"b")
    assert subscriber.receive(command(b"PONG", b"x") + command(b"UNHEARD", b"of")) == b""


def test_messages_that_are_not_subscriptions_are_ignored() -> None:
    subscriber = greeted()
    assert subscriber.receive(frame(b"") + frame(b"\x02" + QUOTE) + frame(b"hello", MORE)) == b""
    assert subscriber.wants == frozenset()


REFUSED = {
    "HTTP": (b"GET / HTTP/1.1\r\n", "does not speak ZMTP"),
    "ZMTP 1": (b"\x01\x00", "does not speak ZMTP"),
    "a long ZMTP 1": (b"\xff" + bytes(7) + b"\x01\x00", "does not speak ZMTP"),
    "ZMTP 2": (b"\xff" + bytes(8) + b"\x7f\x01\x02", "speaks ZMTP 1; at least 3 is needed"),
    "PLAIN": (
        LIBZMQ[:12] + b"PLAIN".ljust(20, b"\0") + LIBZMQ[32:],
        "wants the security mechanism b'PLAIN'",
    ),
    "a PUB": (LIBZMQ + ready(kind(b"PUB")), "it is a PUB, not a SUB"),
    "a nobody": (LIBZMQ + ready(b""), "it is a socket, not a SUB"),
    "a READY cut in its value": (LIBZMQ + ready(kind(b"SUB")[:-1]), "READY is malformed"),
    "a READY cut in its length": (LIBZMQ + ready(kind(b"SUB")[:14]), "READY is malformed"),
    "a READY cut in its name": (LIBZMQ + ready(kind(b"SUB")[:5]), "READY is malformed"),
    "a message before READY": (LIBZMQ + frame(b"\x01"), "messages before its READY"),
    "a ping before READY": (LIBZMQ + command(b"PING", b"\0\0"), "commands before its READY"),
    "an empty command before READY": (LIBZMQ + b"\x04\x00", "commands before its READY"),
    "an error": (LIBZMQ + command(b"ERROR", b"\x02no"), "it reports: no"),
    "reserved flags": (HELLO + b"\x08\x00", "flags 0x8"),
    "too large a frame": (
        HELLO + bytes([LONG]) + (MAX_FRAME_BYTES + 1).to_bytes(8, "big"),
        f"frame of {MAX_FRAME_BYTES + 1} bytes",
    ),
    "the largest frame": (HELLO + bytes([LONG]) + b"\xff" * 8, "frame of 18446744073709551615"),
    "a large command": (
        HELLO + bytes([LONG | COMMAND]) + (1 << 20).to_bytes(8, "big"),
        "frame of 1048576 bytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("by_bytes", [False, True])
def test_a_peer_that_is_not_a_subscriber_is_refused_with_the_reason(
    case: str, by_bytes: bool
) -> None:
    data, why = REFUSED[case]
    subscriber = ZmtpSubscriber(TOPICS)

    def take() -> None:
        for piece in [bytes([one]) for one in data] if by_bytes else [data]:
            subscriber.receive(piece)

    with pytest.raises(ZmtpError, match=why):
        take()


def test_a_frame_of_the_maximum_size_is_accepted() -> None:
    subscriber = greeted()
    subscriber.receive(frame(b"\x01" + bytes(MAX_FRAME_BYTES - 1)) + frame(b"\x01quote"))
    assert subscriber.wants == {QUOTE}


def take_all(data: bytes, cuts: set[int]) -> ZmtpSubscriber:
    subscriber = ZmtpSubscriber(TOPICS)
    for begin, end in pairwise([0, *sorted(cuts), len(data)]):
        try:
            subscriber.receive(data[begin:end])
        except ZmtpError:
            break
        assert len(subscriber._data) <= MAX_FRAME_BYTES + 1 + LENGTH_BYTES
        assert subscriber.ready or not subscriber.wants
        assert subscriber.wants <= set(TOPICS)
    return subscriber


@given(st.binary(max_size=200), st.sampled_from([b"", GREETING, HELLO]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_accepted_or_rejected_with_a_zmtp_error(
    junk: bytes, before: bytes, cut: bool
) -> None:
    data = before + junk
    take_all(data, set(range(1, len(data))) if cut else set())


@given(
    st.lists(
        st.tuples(st.integers(0, len(TALK) - 1), st.sampled_from(["flip", "cut", "double"]),
                  st.binary(min_size=1, max_size=9)),
        min_size=1, max_size=4,
    ),
    st.sets(st.integers(1, len(TALK) // 2), max_size=8),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_a_damaged_conversation_is_accepted_or_rejected_with_a_zmtp_error(
    damages: list[tuple[int, str, bytes]], cuts: set[int]
) -> None:
    data = TALK
    for at, how, with_bytes in damages:
        if how == "flip":
            data = data[:at] + with_bytes + data[at + len(with_bytes) :]
        elif how == "cut":
            data = data[:at] + data[at + len(with_bytes) :]
        else:
            data = data[: at + len(with_bytes)] + data[at:]
    take_all(data, {cut for cut in cuts if cut < len(data)})


@given(st.lists(st.tuples(st.binary(max_size=255), st.binary(max_size=300)), max_size=5))
@settings(max_examples=50, deadline=None)
def test_the_end_of_each_message_is_found_behind_its_head_and_payload(
    parts: list[tuple[bytes, bytes]],
) -> None:
    data, ends, at = b"", [], 0
    for topic, payload in parts:
        head = message_head(topic)
        data += head[:-LENGTH_BYTES] + len(payload).to_bytes(LENGTH_BYTES, "big") + payload
        ends.append(len(data))
        data += command(b"PONG", payload[:16])
        ends.append(len(data))
    found = []
    while at < len(data):
        at = message_end(data, at)
        found.append(at)
    assert found == ends


def test_a_topic_too_long_for_a_short_frame_is_rejected() -> None:
    with pytest.raises(ValueError, match="256 bytes is too long"):
        message_head(bytes(256))

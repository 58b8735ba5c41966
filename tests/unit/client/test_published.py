"""The client's protocol for recorders: messages as published, and resuming from an earlier end."""

from __future__ import annotations

import msgspec
import pytest
from unit.client.simulated import (
    FEED,
    QUOTE,
    STATUS,
    TRADE,
    Client,
    Frames,
    History,
    quote,
    status,
    trade,
)

from feedd.client.decoding import PublishedMessage
from feedd.client.event_queue import EventQueue
from feedd.client.events import Gap, NewSession, StateChange
from feedd.client.missing_ranges import MAX_REPAIRED
from feedd.client.sequencer import MAX_RESUMED
from feedd.client.topic_table import MAX_RECORDED_TOPIC_BYTES


def resumed(ends: dict[str, tuple[int, int]], *kept: Frames, prefix: str = "") -> Client:
    """Return a stream that resumed at `ends`, once the history has answered every request."""
    history = History()
    for frames in kept:
        history.add(frames)
    client = Client(prefix, history=history, published=True, ends=ends)
    client.respond()
    return client


def frames(client: Client, topic: str = QUOTE) -> list[tuple[int, int, str]]:
    return [
        (one.session, one.seq, one.origin) for one in client.received
        if isinstance(one, PublishedMessage) and one.topic.decode() == topic
    ]  # fmt: skip


def test_messages_are_as_published_and_include_statuses() -> None:
    history = History()
    sent = [status(6, next_seq={QUOTE: 4}), quote(4), quote(5), trade(1)]
    history.add(quote(3))
    client = Client("quote.", history=history, published=True)
    client.respond()
    client.receive(*sent[:3])
    got = [one for one in client.received if isinstance(one, PublishedMessage)]
    assert [(one.topic, one.payload) for one in got] == [quote(3), *sent[:3]]
    assert [one.origin for one in got] == ["snapshot", "live", "live", "live"]
    client.receive(sent[3])
    assert frames(client, TRADE) == []


def test_a_payload_cannot_set_the_clients_own_fields() -> None:
    content = {"session": 1, "seq": 1, "client.origin": "replayed", "client.topic": b"no"}
    sent = (QUOTE.encode(), msgspec.msgpack.encode(content))
    client = Client(published=True)
    client.receive(sent)
    (frame,) = client.received
    assert (frame.topic, frame.payload, frame.origin) == (*sent, "live")


@pytest.mark.parametrize("ns", [1 << 63, -1, "now"])
def test_a_message_with_a_time_too_late_for_a_recording_is_unreadable(ns: object) -> None:
    """For a recorder it is a gap, not an error."""
    bad = {"session": 1, "seq": 2, "published_ns": ns}
    client = Client(published=True)
    client.receive(quote(1), (QUOTE.encode(), msgspec.msgpack.encode(bad)), quote(3))
    client.check(1.0)
    assert [seq for _, seq, _ in frames(client)] == [1, 3]
    assert client.gaps() == [(2, 2)]


def test_a_topic_that_cannot_be_recorded_is_ignored_and_reported() -> None:
    longest = quote(1, symbol="X" * (MAX_RECORDED_TOPIC_BYTES - len(b"quote.binanceusdm..")))
    assert len(longest[0]) == MAX_RECORDED_TOPIC_BYTES
    client = Client(published=True)
    client.receive(longest, quote(1, symbol="X" * MAX_RECORDED_TOPIC_BYTES), quote(1))
    assert [one.topic for one in client.received if isinstance(one, PublishedMessage)] == [
        longest[0],
        QUOTE.encode(),
    ]
    (change,) = client.notices(StateChange)
    assert (change.state, "too long" in change.reason) == ("behind", True)


def test_a_stream_that_missed_nothing_resumes_without_a_snapshot() -> None:
    client = resumed({QUOTE: (1, 6), STATUS: (1, 3)}, quote(5), status(2, next_seq={QUOTE: 6}))
    client.receive(quote(6), quote(7), status(3, next_seq={QUOTE: 8}))
    assert frames(client) == [(1, 6, "live"), (1, 7, "live")]
    assert frames(client, STATUS) == [(1, 3, "live")]
    assert client.gaps() == []


def test_messages_published_in_between_are_repaired_before_the_stream_continues() -> None:
    kept = [*(quote(seq) for seq in range(1, 10)), status(2), status(3, next_seq={QUOTE: 10})]
    client = resumed({QUOTE: (1, 6), STATUS: (1, 2)}, *kept)
    client.receive(quote(10))
    assert frames(client) == [(1, s, "replayed") for s in range(6, 10)] + [(1, 10, "live")]
    assert frames(client, STATUS) == [(1, 2, "replayed"), (1, 3, "replayed")]
    assert client.gaps() == []


def test_messages_received_during_a_request_follow_the_repair() -> None:
    history = History()
    for seq in range(1, 9):
        history.add(quote(seq))
    client = Client(history=history, published=True, ends={QUOTE: (1, 6)})
    client.receive(quote(8), quote(9))
    client.respond()
    assert frames(client) == [
        (1, 6, "replayed"), (1, 7, "replayed"), (1, 8, "live"), (1, 9, "live"),
    ]  # fmt: skip


def test_messages_gone_from_the_history_are_a_gap() -> None:
    client = resumed({QUOTE: (1, 6)}, quote(9), quote(10))
    client.check(1.0)
    client.respond()
    client.receive(quote(11))
    assert client.gaps() == [(6, 8)]
    assert frames(client) == [(1, 9, "replayed"), (1, 10, "replayed"), (1, 11, "live")]


def test_more_messages_than_one_response_holds_are_requested_in_pieces() -> None:
    last = 2 * MAX_REPAIRED + 500
    client = resumed({QUOTE: (1, 1)}, *(quote(seq) for seq in range(1, last + 1)))
    assert frames(client) == [(1, seq, "replayed") for seq in range(1, last + 1)]


def test_of_very_many_messages_the_newest_are_requested_and_the_others_are_a_gap() -> None:
    last = MAX_RESUMED + 50
    client = resumed({QUOTE: (1, 1)}, *(quote(seq) for seq in range(1, last + 1)))
    assert client.gaps() == [(1, 50)]
    assert [seq for _, seq, _ in frames(client)] == list(range(51, last + 1))


def test_a_new_session_in_the_gap_is_reported_and_starts_with_its_first_message() -> None:
    kept = [quote(seq, session=2) for seq in (1, 2, 3)]
    client = resumed({QUOTE: (1, 6), STATUS: (1, 3)}, *kept, status(4, session=2))
    client.receive(quote(4, session=2))
    assert client.notices(NewSession) == [NewSession(FEED, 1, 2)]
    assert frames(client) == [
        (2, 1, "replayed"), (2, 2, "replayed"), (2, 3, "replayed"), (2, 4, "live"),
    ]  # fmt: skip


def test_a_replayed_feed_reports_its_older_session() -> None:
    joined = resumed({QUOTE: (9, 6), STATUS: (9, 3)}, quote(1, session=2), status(1, session=2))
    late = resumed({QUOTE: (9, 6), STATUS: (9, 3)})
    for client in (joined, late):
        client.receive(quote(2, session=2), quote(3, session=2))
        client.check(1.0)
        client.respond()
        assert client.notices(NewSession) == [NewSession(FEED, 9, 2)]
        assert frames(client)[-1] == (2, 3, "live")
    assert frames(joined)[0] == (2, 1, "replayed")
    assert [(one.from_seq, one.to_seq) for one in late.notices(Gap) if one.topic == QUOTE] == [
        (1, 1)
    ]


def test_a_topic_that_is_new_since_begins_with_its_first_message() -> None:
    ends = {QUOTE: (1, 6), STATUS: (1, 3)}
    kept = [quote(5), trade(1), trade(2), status(3, next_seq={QUOTE: 6, TRADE: 3})]
    client = resumed(ends, *kept)
    client.receive(trade(3))
    assert [seq for _, seq, _ in frames(client, TRADE)] == [1, 2, 3]


def test_a_new_topics_first_message_lost_after_the_snapshot_is_repaired() -> None:
    client = resumed({QUOTE: (1, 6), STATUS: (1, 3)}, quote(5), status(3, next_seq={QUOTE: 6}))
    assert client.history is not None
    client.history.add(trade(1))
    client.receive(trade(2))
    client.check()
    client.respond()
    assert [seq for _, seq, _ in frames(client, TRADE)] == [1, 2]


def test_without_a_history_everything_published_meanwhile_is_a_gap() -> None:
    client = Client(published=True, ends={QUOTE: (1, 6), STATUS: (1, 3)})
    client.receive(quote(9), status(5, next_seq={QUOTE: 10}))
    client.check(1.0)
    assert sorted((one.topic, one.from_seq, one.to_seq) for one in client.notices(Gap)) == [
        (QUOTE, 6, 8), (STATUS, 3, 4),
    ]  # fmt: skip
    assert frames(client) == [(1, 9, "live")]


def test_messages_published_without_a_history_are_a_reported_gap() -> None:
    client = Client(history=History(), published=True, ends={QUOTE: (1, 6)})
    client.receive(quote(9))
    for _ in range(10):
        client.check(0.5)
    assert client.gaps() == [(6, 8)]
    assert [one.state for one in client.notices(StateChange)] == ["no_history"]
    assert frames(client) == [(1, 9, "live")]


def test_ends_of_topics_that_are_not_subscribed_are_ignored() -> None:
    client = resumed({QUOTE: (1, 2), TRADE: (1, 2)}, quote(3), trade(3), prefix="trade.")
    client.check(1.0)
    client.respond()
    assert frames(client) == []
    assert [one.topic for one in client.notices(Gap)] == [TRADE]


def test_published_messages_not_taken_in_time_are_a_gap() -> None:
    client = Client(published=True)
    client.receive(*(quote(seq) for seq in range(1, 6)))
    queue = EventQueue(2, only_ticks=False)
    queue.put(client.received)
    queue.queue.clear()
    queue.put([])
    (gap,) = queue.queue
    assert (gap.topic, gap.from_seq, gap.to_seq) == (QUOTE, 3, 5)

"""A stream reports, once, an endpoint without a publisher and a prefix without a topic."""

from __future__ import annotations

import msgspec
import pytest

from feedd.client.event_emitter import EventEmitter
from feedd.client.event_queue import EventQueue
from feedd.client.events import Gap, StateChange
from feedd.client.first_contact import FirstContact
from feedd.client.history_responses import ErrorResponse, SnapshotResponse, published_names

A, B = "tcp://a:5500", "tcp://b:5500"
NO_ANSWER = "nothing answers there"


def contact() -> tuple[FirstContact, EventEmitter]:
    emitter = EventEmitter()
    return FirstContact(emitter, 100.0, 2.2), emitter


def taken(emitter: EventEmitter) -> list[tuple[str, str | None]]:
    states = [(one.state, one.reason) for one in emitter.events if isinstance(one, StateChange)]
    emitter.events.clear()
    return states


def test_an_endpoint_is_reported_once_after_the_time_of_two_heartbeats() -> None:
    first, emitter = contact()
    for now_s in (100.1, 102.1):
        first.endpoints([(A, False), (B, True)], 0, now_s)
        assert taken(emitter) == []
    first.endpoints([(A, False), (B, True)], 0, 102.3)
    ((state, reason),) = taken(emitter)
    assert state == "no_endpoint"
    assert reason is not None
    assert f"{A}: {NO_ANSWER}; {B}: the port answers, but publishes no topics" in reason
    first.endpoints([(A, False), (B, True)], 0, 109.0)
    assert taken(emitter) == []
    first.endpoints([(A, False)], 1, 110.0)
    assert taken(emitter) == [("endpoint", f"{B} answers")]
    first.endpoints([], 2, 111.0)
    assert taken(emitter) == [("endpoint", f"{A} answers")]
    assert not first.awaits_endpoints


def test_one_endpoint_of_two_without_an_answer_is_reported() -> None:
    first, emitter = contact()
    first.endpoints([(B, False)], 1, 100.1)
    first.endpoints([(B, False)], 1, 102.3)
    assert taken(emitter) == [("no_endpoint", f"{B}: {NO_ANSWER}; the stream retries")]


def test_an_endpoint_that_answers_in_time_is_not_reported() -> None:
    first, emitter = contact()
    first.endpoints([(A, False)], 0, 100.1)
    first.endpoints([], 1, 102.1)
    assert taken(emitter) == []
    assert not first.awaits_endpoints


def test_topics_are_due_once_after_the_time_of_two_heartbeats_from_the_first_connection() -> None:
    first, _ = contact()
    first.endpoints([(A, False)], 0, 105.0)
    assert not first.topics_due(109.0)
    first.endpoints([], 1, 110.0)
    assert not first.topics_due(112.1)
    assert first.topics_due(112.3)
    assert not first.topics_due(112.4)


@pytest.mark.parametrize(
    ("prefix", "published", "reason"),
    [
        ("quote.x.BTC/USDT.", ["quote.x.BTC/USDT:USDT.", "quote.x.ETH/USDT:USDT."],
         "the nearest is 'quote.x.BTC/USDT:USDT.'"),
        ("mark.", ["quote.x.BTC/USDT:USDT.", "status.x.BTC/USDT:USDT."],
         "there is quote., status."),
        ("mark.", [], "nor anything else"),
    ],
)  # fmt: skip
def test_a_prefix_without_a_topic_is_reported_with_what_there_is(
    prefix: str, published: list[str], reason: str
) -> None:
    first, emitter = contact()
    first.unmatched([prefix], published)
    ((state, text),) = taken(emitter)
    assert state == "no_topic"
    assert text is not None
    assert text.startswith(f"nothing that begins with {prefix!r} is published so far")
    assert text.endswith(reason)


def test_a_stream_of_ticks_only_logs_what_may_keep_it_silent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = EventQueue(10, only_ticks=True)
    queue.put([StateChange("", "no_endpoint", NO_ANSWER), StateChange("", "no_history", "away")])
    queue.put([StateChange("x.A/B.", "live", None), Gap("quote.x.A/B.", 1, 2, 3, "lost")])
    assert [(one.name, one.levelname, one.message) for one in caplog.records] == [
        ("feedd", "WARNING", NO_ANSWER)
    ]
    assert not queue.queue


def test_the_names_of_what_is_published_are_those_in_a_snapshot_of_statuses() -> None:
    status = msgspec.msgpack.encode({"next_seq": {"quote.x.币/USDT.": 3, "trade.x.币/USDT.": 1}})
    messages = [("status.x.币/USDT.".encode(), status), (b"status.x.A/B.", b"\xc1")]
    assert published_names(SnapshotResponse(1, messages, complete=True)) == {
        "status.x.币/USDT.", "quote.x.币/USDT.", "trade.x.币/USDT.",
    }  # fmt: skip
    assert published_names(ErrorResponse(1)) == set()

"""Queues of a client: whatever it misses is counted exactly, and reported in its place."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_samples import BTC, BTC_QUOTES, ETH, message, notice

from feedd.gateway.stream import missed as missed_module
from feedd.gateway.stream.client_queue import ClientQueue, EveryMessage, LatestOfEach

# (None, size): the client takes; (symbol, step): a message, `step` seqs on; 0: a new session;
# ("notice", _): a notice.
ACTIONS = st.lists(
    st.tuples(st.sampled_from([None, BTC, ETH, "notice"]), st.integers(0, 3)), max_size=120
)


def taken(queue: ClientQueue, max_bytes: int = 1 << 20) -> list[dict[str, Any]]:
    return [json.loads(text) for text in queue.take(max_bytes)]


class Run:
    """What was published to a queue, and what its client got."""

    def __init__(self, queue: ClientQueue, actions: list[tuple[str | None, int]]) -> None:
        self.published: list[tuple[str, int, int]] = []  # topic, session, seq
        self.numbers: list[int] = []
        self.got: list[dict[str, Any]] = []
        session, seqs = 1, defaultdict(int)
        for kind, step in actions:
            if kind is None:
                self.got += taken(queue, step * 400)
            elif kind == "notice":
                queue.add(notice(len(self.numbers) + 1))
                self.numbers.append(len(self.numbers) + 1)
            else:
                if step == 0:
                    session, seqs = session + 1, defaultdict(int)
                seqs[kind] += max(1, step)
                outgoing = message(seqs[kind], kind, session)
                queue.add(outgoing)
                self.published.append((outgoing.topic, session, seqs[kind]))
        while queue:
            self.got += taken(queue)

    def missed(self, key: str) -> int:
        return sum(one.get(key, 0) for one in self.got if one["type"] == "missed")


@given(ACTIONS, st.integers(1, 8), st.sampled_from([600, 2000, 1 << 20]))
def test_each_message_is_delivered_or_counted_as_missed_in_its_place(
    actions: list[tuple[str | None, int]], max_messages: int, max_bytes: int
) -> None:
    """Walk through both in order: a `missed` stands where the messages would."""
    queue = EveryMessage(strings=False, max_messages=max_messages, max_bytes=max_bytes)
    run = Run(queue, actions)
    published, numbers = iter(run.published), iter(run.numbers)
    for one in run.got:
        match one["type"]:
            case "missed":
                lost = defaultdict(list)
                notices = one.get("notices", {"count": 0})
                for _ in range(one["count"] - notices["count"]):
                    topic, session, seq = next(published)
                    lost[topic].append((session, seq))
                assert one["topics"] == {
                    topic: {
                        "session": seqs[0][0], "from_seq": seqs[0][1], "to_seq": seqs[-1][1],
                        "count": len(seqs),
                    }
                    for topic, seqs in lost.items()
                }  # fmt: skip
                assert all(len({session for session, _ in seqs}) == 1 for seqs in lost.values())
                skipped = [next(numbers) for _ in range(notices["count"])]
                assert not skipped or skipped[0] == notices["from_number"]
                assert not skipped or skipped[-1] == notices["to_number"]
            case "gap":
                assert one["number"] == next(numbers)
            case _:
                assert (one["topic"], one["session"], one["seq"]) == next(published)
    assert next(published, None) is None
    assert next(numbers, None) is None


@given(ACTIONS, st.integers(1, 4))
def test_conflation_counts_each_message_that_it_leaves_out(
    actions: list[tuple[str | None, int]], max_waiting: int
) -> None:
    run = Run(LatestOfEach(strings=False, max_waiting=max_waiting), actions)
    ticks = [one for one in run.got if one["type"] == "quote"]
    delivered = len(ticks) + sum(one["conflated"] for one in ticks)
    notices = [one["number"] for one in run.got if one["type"] == "gap"]
    assert delivered + len(notices) + run.missed("count") == len(run.published) + len(run.numbers)
    assert notices == sorted(notices)
    for topic in {one["topic"] for one in ticks}:
        order = [(one["session"], one["seq"]) for one in ticks if one["topic"] == topic]
        assert order == sorted(set(order))


def test_a_conflated_message_is_the_latest_of_its_topic() -> None:
    queue = LatestOfEach(strings=False)
    for seq in (1, 2, 3):
        queue.add(message(seq))
    queue.add(message(1, ETH))
    queue.add(message(4))
    first, second = taken(queue)
    assert (first["symbol"], first["seq"], first["conflated"]) == (ETH, 1, 0)
    assert (second["symbol"], second["seq"], second["conflated"]) == (BTC, 4, 3)


def test_a_queue_keeps_at_most_its_bytes() -> None:
    queue = EveryMessage(strings=False, max_bytes=3000)
    for seq in range(1, 1001):
        queue.add(message(seq))
    missed, *rest = taken(queue)
    assert sum(len(json.dumps(one, separators=(",", ":"))) for one in rest) <= 3000
    assert missed["topics"][BTC_QUOTES]["from_seq"] == 1
    assert [one["seq"] for one in rest] == list(range(missed["count"] + 1, 1001))


def test_a_message_larger_than_the_queue_is_missed() -> None:
    queue = EveryMessage(strings=False, max_bytes=10)
    queue.add(message(1))
    assert [one["type"] for one in taken(queue)] == ["missed"]


def test_a_report_has_a_bounded_number_of_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_module, "MAX_LISTED", 1)
    monkeypatch.setattr(missed_module, "MAX_REPORTS", 2)
    queue = EveryMessage(strings=True, max_messages=1)
    for session in (1, 2, 3):
        for symbol in (BTC, ETH):
            queue.add(message(1, symbol, session))
    reports = [one for one in taken(queue) if one["type"] == "missed"]
    assert [(one["count"], one["unlisted"]) for one in reports] == [(2, 1), (3, 2)]
    assert reports[1]["topics"][BTC_QUOTES]["session"] == "2"


def test_clients_share_the_text_of_a_message() -> None:
    queues = [EveryMessage(strings=False) for _ in range(2)]
    outgoing = message(1)
    for queue in queues:
        queue.add(outgoing)
    first, second = (queue.take(1000)[0] for queue in queues)
    assert first is second

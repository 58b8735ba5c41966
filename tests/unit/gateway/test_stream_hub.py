"""Hub of `/stream`: snapshot, then live messages, for each client what it wants."""

from __future__ import annotations

import pytest
from stream_samples import BTC_FEED, BTC_QUOTES, ETH, FilledHub, all_of, quote, status

from feedd.client.events import Gap, NewSession, StateChange, UpstreamGap
from feedd.gateway.journal import Journal
from feedd.gateway.stream.hub import TooManyClientsError
from feedd.gateway.stream.stream_query import StreamQuery


def nothing() -> None:
    """Wake no one."""


def test_nothing_is_lost_or_doubled_between_snapshot_and_live_messages() -> None:
    filled = FilledHub()
    filled.take(quote(3))
    client = filled.hub.join(StreamQuery(), nothing)
    filled.take(quote(4))
    filled.take(quote(5))
    got = [(one["type"], one.get("seq"), one.get("origin")) for one in all_of(client)]
    assert got == [
        ("quote", 3, "snapshot"), ("ready", None, None), ("quote", 4, "live"), ("quote", 5, "live"),
    ]  # fmt: skip


def test_a_client_gets_statuses_only_if_a_prefix_names_them() -> None:
    filled = FilledHub()
    plain = filled.hub.join(StreamQuery(snapshot=False), nothing)
    named = filled.hub.join(StreamQuery(("status.",), snapshot=False), nothing)
    filled.take(quote(1))
    filled.take(status(1))
    assert [one["type"] for one in all_of(plain)] == ["ready", "quote"]
    assert [one["type"] for one in all_of(named)] == ["ready", "status"]


def test_a_client_gets_notices_of_its_topics_and_feeds() -> None:
    filled, journal = FilledHub(), Journal()
    clients = {
        prefix: filled.hub.join(StreamQuery((prefix,), snapshot=False), nothing)
        for prefix in (BTC_QUOTES, f"trade.{BTC_FEED}", "quote.binanceusdm.ETH", "status.", "q")
    }
    for notice in (
        Gap(BTC_QUOTES, 1, 2, 3, "lost"),
        UpstreamGap(BTC_FEED, "quote", 5, None, "reconnected"),
        NewSession(BTC_FEED, 1, 2),
        StateChange(BTC_FEED, "stale", "silent"),
        StateChange("", "no_endpoint", "no publisher"),
    ):
        filled.hub.notice(notice, journal.add(notice, 1000))
    got = {
        prefix: [one["type"] for one in all_of(client)][1:] for prefix, client in clients.items()
    }
    every = ["gap", "upstream_gap", "new_session", "state", "state"]
    assert got == {
        BTC_QUOTES: every,
        f"trade.{BTC_FEED}": ["new_session", "state", "state"],
        "quote.binanceusdm.ETH": ["state"],
        "status.": ["upstream_gap", "new_session", "state", "state"],
        "q": every,
    }


def test_the_snapshot_has_the_state_of_each_feed_and_of_the_subscription() -> None:
    filled, journal = FilledHub(), Journal()
    for notice in (
        StateChange("", "no_endpoint", "no publisher"),
        StateChange("", "no_history", "silent"),
        StateChange("", "endpoint", "it answers"),
        StateChange(BTC_FEED, "live", None),
        StateChange(BTC_FEED, "stale", "silent"),
    ):
        filled.hub.notice(notice, journal.add(notice, 1000))
    got = all_of(filled.hub.join(StreamQuery(), nothing))
    assert [(one["type"], one.get("state"), one.get("origin")) for one in got] == [
        ("state", "no_history", "snapshot"), ("state", "stale", "snapshot"), ("ready", None, None),
    ]  # fmt: skip
    assert [one.get("number") for one in got] == [2, 5, None]


def test_a_full_queue_of_one_client_leaves_the_others_whole() -> None:
    filled = FilledHub()
    slow = filled.hub.join(StreamQuery(snapshot=False), nothing)
    other = filled.hub.join(StreamQuery(snapshot=False), nothing)
    got = []
    for seq in range(1, 30_001):
        filled.take(quote(seq))
        if seq % 100 == 0:
            got += [one["seq"] for one in all_of(other) if one["type"] == "quote"]
    assert got == list(range(1, 30_001))
    _ready, missed, *rest = all_of(slow)
    assert missed["type"] == "missed"
    assert [one["seq"] for one in rest] == list(range(missed["count"] + 1, 30_001))


def test_a_heartbeat_follows_what_waits_and_only_the_latest_is_sent() -> None:
    filled = FilledHub()
    client = filled.hub.join(StreamQuery(snapshot=False), nothing)
    filled.take(quote(1, published_ns=5_000_000_000), now_s=9.0)  # handled 1.5 s later
    filled.hub.beat(10.0, 7_500_000_000)
    filled.hub.beat(11.0, 8_500_000_000)
    filled.take(quote(2, published_ns=8_700_000_000), now_s=11.2)
    got = all_of(client)
    assert [one["type"] for one in got] == ["ready", "quote", "quote", "heartbeat"]
    assert got[-1] == {"type": "heartbeat", "now_ms": 8500, "behind_ms": 1500}


def test_a_client_beyond_the_limit_is_refused_until_one_leaves() -> None:
    filled = FilledHub(max_clients=1)
    client = filled.hub.join(StreamQuery(), nothing)
    with pytest.raises(TooManyClientsError):
        filled.hub.join(StreamQuery(), nothing)
    filled.hub.leave(client)
    filled.hub.join(StreamQuery(), nothing)


def test_a_client_that_has_left_gets_nothing_more() -> None:
    filled = FilledHub()
    client = filled.hub.join(StreamQuery(snapshot=False), nothing)
    filled.take(quote(1))
    filled.hub.leave(client)
    filled.take(quote(2))
    filled.take(quote(1, ETH))
    assert [one.get("seq") for one in all_of(client)] == [None, 1]

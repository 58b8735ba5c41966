"""The client's protocol, with lists of inputs."""

from __future__ import annotations

import msgspec
import pytest
from unit.client.simulated import (
    FEED,
    QUOTE,
    STATUS,
    TRADE,
    Client,
    History,
    quote,
    status,
    trade,
)

from feedd.client.events import Gap, NewSession, StateChange, Status, Stopped, UpstreamGap


def history_of(*messages: tuple[bytes, bytes]) -> History:
    history = History()
    for frames in messages:
        history.add(frames)
    return history


def joined(history: History) -> Client:
    client = Client(history=history)
    client.respond()
    return client


# --- joining ----------------------------------------------------------------------------------


def test_a_stream_begins_with_the_snapshot_and_has_no_gap_after_it() -> None:
    history = history_of(*(quote(seq) for seq in range(1, 11)))
    client = Client(history=history)
    client.receive(quote(14), quote(15))
    for seq in range(11, 16):
        history.add(quote(seq))
    snapshot = Client(history=history_of(quote(10))).history
    assert snapshot is not None
    client.protocol.response(snapshot.respond(client.pending.pop()[1]), client.now_s)
    client.check()
    client.respond()
    assert client.ticks() == [(10, "snapshot"), (11, "replayed"), (12, "replayed"),
                              (13, "replayed"), (14, "live"), (15, "live")]  # fmt: skip


@pytest.mark.parametrize("last", [5, 6, 7])
def test_a_snapshot_that_the_stream_already_has_is_dropped(last: int) -> None:
    client = Client(history=history_of(*(quote(seq) for seq in range(1, last + 1))))
    client.receive(quote(5), quote(6), quote(7))
    client.respond()
    client.receive(quote(8))
    assert client.ticks() == [(5, "live"), (6, "live"), (7, "live"), (8, "live")]


def test_a_snapshot_ahead_of_the_stream_waits_for_the_messages_between() -> None:
    client = Client(history=history_of(*(quote(seq) for seq in range(1, 10))))
    client.receive(quote(5), quote(6))
    client.respond()
    client.receive(quote(7), quote(8), quote(9), quote(10))
    assert client.seqs() == [5, 6, 7, 8, 9, 10]
    assert client.gaps() == []


def test_a_stream_of_thousands_held_before_the_snapshot_keeps_them_all() -> None:
    client = Client(history=history_of(quote(4000)))
    client.receive(*(quote(seq) for seq in range(1, 4001)))
    client.respond()
    assert client.seqs() == list(range(1, 4001))


def test_without_a_response_the_stream_starts_after_two_seconds_and_reports_it() -> None:
    client = Client(history=History())
    client.receive(quote(5))
    client.check(1.9)
    assert client.received == []
    client.check(0.2)
    client.receive(quote(6))
    (change, *ticks) = client.received
    assert (change.feed, change.state) == ("", "no_history")
    assert [tick.seq for tick in ticks] == [5, 6]


def test_a_topic_without_a_message_yet_begins_with_its_first_even_if_that_is_lost() -> None:
    history = history_of(status(7, next_seq={TRADE: 1, STATUS: 8}))
    client = joined(history)
    history.add(trade(1))
    client.receive(trade(2))
    client.check()
    client.respond()
    assert client.seqs("trade") == [1, 2]


def test_the_last_message_between_snapshot_and_subscription_is_requested() -> None:
    history = History()
    client = joined(history)
    for seq in range(1, 11):
        history.add(quote(seq))
    client.receive(status(2, next_seq={QUOTE: 11, TRADE: 1}))
    client.check()
    client.respond()
    client.receive(quote(11), trade(1))
    assert client.ticks() == [(10, "snapshot"), (11, "live")]
    assert client.gaps() == []


def test_without_a_history_a_topic_begins_with_the_first_message_that_comes() -> None:
    client = Client()
    client.receive(status(2, next_seq={QUOTE: 11}), quote(11))
    client.check(10)
    assert client.ticks() == [(11, "live")]
    assert client.gaps() == []


def test_a_first_message_that_is_lost_while_joining_is_repaired() -> None:
    history = history_of(status(7, next_seq={TRADE: 1, STATUS: 8}))
    client = Client(history=history)
    client.receive(trade(2))
    client.protocol.response(history.respond(client.pending.pop()[1]), client.now_s)
    history.add(trade(1))
    client.check()
    client.respond()
    assert client.seqs("trade") == [1, 2]


def test_an_upstream_gap_in_a_snapshot_precedes_the_stream_and_is_not_reported() -> None:
    gap = {"channel": "trade", "from_id": 5, "to_id": 9, "reason": "ids jump"}
    client = joined(history_of(status(1, gap=gap)))
    assert client.notices(UpstreamGap) == []


def test_a_feed_known_from_its_snapshot_alone_is_stale_when_nothing_comes() -> None:
    client = joined(history_of(status(1)))
    client.check(2.6)
    assert [one.state for one in client.notices(StateChange)] == ["live", "stale"]


def test_a_snapshot_of_many_pages_is_requested_page_by_page() -> None:
    history = history_of(*(quote(1, symbol=f"S{number:02}") for number in range(7)))
    history.page = 3
    client = joined(history)
    assert len(client.seqs()) == 7
    assert [one.get("after", "")[-4:] for one in history.requests] == ["", "S02.", "S05."]


def test_the_last_message_of_an_older_session_is_in_the_snapshot_too() -> None:
    history = history_of(quote(9, session=1), status(3, session=2, next_seq={QUOTE: 1}))
    client = joined(history)
    client.receive(quote(1, session=2))
    assert client.ticks() == [(9, "snapshot"), (1, "live")]
    assert client.gaps() == []
    assert client.notices(NewSession) == []


# --- holes ------------------------------------------------------------------------------------


def test_a_missing_range_is_repaired_in_order_and_other_topics_continue() -> None:
    history = history_of(*(quote(seq) for seq in range(1, 4)), trade(1))
    client = joined(history)
    for seq in range(4, 8):
        history.add(quote(seq))
    client.receive(quote(6), quote(7), trade(2))
    client.check()
    assert client.seqs() == [3]
    assert client.seqs("trade") == [1, 2]
    client.respond()
    assert client.seqs() == [3, 4, 5, 6, 7]
    assert history.requests[-1] == {
        "op": "replay", "topic": QUOTE, "session": 1, "from": 4, "to": 5, "id": 2
    }  # fmt: skip


def test_several_missing_ranges_are_one_request() -> None:
    history = history_of(quote(1))
    client = joined(history)
    for seq in range(2, 10):
        history.add(quote(seq))
    client.receive(quote(3), quote(5), quote(9))
    client.check()
    client.respond()
    assert client.seqs() == list(range(1, 10))
    assert len(history.requests) == 2


def test_reordered_and_duplicate_messages_need_no_repair() -> None:
    history = history_of(quote(1))
    client = joined(history)
    client.receive(quote(3), quote(2), quote(3), quote(2), quote(5), quote(4), quote(1))
    client.check()
    assert client.seqs() == [1, 2, 3, 4, 5]
    assert client.pending == []


def test_with_two_endpoints_a_missing_range_is_requested_after_50_ms() -> None:
    history = history_of(quote(1))
    client = joined(history)
    client.protocol.endpoints(2)
    client.receive(quote(3))
    client.check(0.04)
    assert client.pending == []
    client.check(0.03)
    assert len(client.pending) == 1


def test_messages_gone_from_the_history_are_one_gap_and_the_rest_is_repaired() -> None:
    history = history_of(quote(1))
    client = joined(history)
    history.kept.clear()
    for seq in range(5, 9):
        history.add(quote(seq))
    client.receive(quote(8))
    client.check()
    client.respond()
    assert client.gaps() == [(2, 4)]
    assert client.seqs() == [1, 5, 6, 7, 8]
    assert "keeps 5 to 8" in client.notices(Gap)[0].reason


def test_a_history_that_lags_is_requested_again() -> None:
    history = history_of(quote(1))
    client = joined(history)
    client.receive(quote(3))
    client.check()
    client.respond()
    assert client.gaps() == []
    history.add(quote(2))
    history.add(quote(3))
    client.check(0.06)
    client.respond()
    assert client.seqs() == [1, 2, 3]


def test_a_missing_range_without_a_response_is_a_gap_after_a_second() -> None:
    client = joined(history_of(quote(1)))
    client.receive(quote(3))
    for _ in range(9):
        client.check(0.1)
    assert client.seqs() == [1]
    client.check(0.2)
    client.check(0.01)
    assert client.seqs() == [1, 3]
    assert client.gaps() == [(2, 2)]


def test_a_late_response_changes_nothing() -> None:
    history = history_of(*(quote(seq) for seq in range(1, 4)))
    client = joined(history)
    client.receive(quote(5))
    client.check()
    requests = list(client.pending)
    for _ in range(15):
        client.check(0.1)
    assert client.gaps() == [(4, 4)]
    history.add(quote(4))
    for _, request in requests:
        client.protocol.response(history.respond(request), client.now_s)
    client.check()
    assert client.seqs() == [3, 5]


def test_a_missing_range_of_more_than_2000_is_a_gap_at_once() -> None:
    client = joined(history_of(quote(1)))
    client.receive(quote(2003))
    assert client.gaps() == [(2, 2002)]
    assert client.seqs() == [1, 2003]


def test_after_a_lost_tail_of_more_than_2000_the_stream_resumes_at_its_last_message() -> None:
    history = history_of(quote(1))
    client = joined(history)
    history.add(quote(5000))
    client.receive(status(1, next_seq={QUOTE: 5001}))
    client.check()
    client.respond()
    assert client.gaps() == [(2, 4999)]
    assert client.ticks() == [(1, "snapshot"), (5000, "snapshot")]


def test_a_missing_range_of_2000_is_repaired_with_one_request() -> None:
    history = history_of(*(quote(seq) for seq in range(1, 2)))
    client = joined(history)
    for seq in range(2, 2003):
        history.add(quote(seq))
    client.receive(quote(2002))
    client.check()
    client.respond()
    assert client.seqs() == list(range(1, 2003))
    assert len(history.requests) == 2


@pytest.mark.parametrize("lost", [None, 801, 1200])
def test_messages_that_did_not_fit_a_response_are_requested(lost: int | None) -> None:
    history = history_of(quote(1))
    client = joined(history)
    history.page = 700
    for seq in range(2, 2003):
        if seq != lost:
            history.add(quote(seq))
    client.receive(quote(2002))
    client.check()
    client.respond()
    asked = [(one["from"], one["to"]) for one in history.requests if one["op"] == "replay"]
    assert asked[:2] == [(2, 2001), (702, 2001)]
    assert len(asked) == 3 if lost is None else len(asked) <= 5
    for _ in range(40):
        client.check(0.05)
        client.respond()
    assert client.gaps() == ([] if lost is None else [(lost, lost)])
    assert client.seqs() == [seq for seq in range(1, 2003) if seq != lost]


def test_at_most_two_requests_are_in_flight() -> None:
    names = [f"S{number}/USDT" for number in range(10)]
    history = history_of(*(quote(1, symbol=name) for name in names))
    client = joined(history)
    client.receive(*(quote(3, symbol=name) for name in names))
    client.check()
    assert len(client.pending) == 2
    for name in names:
        history.add(quote(2, symbol=name))
        history.add(quote(3, symbol=name))
    client.respond()
    assert client.seqs() == [1] * 10 + [2, 3] * 10


def test_messages_that_the_first_history_lacks_are_requested_from_the_second() -> None:
    first, second = history_of(quote(1)), history_of(quote(1))
    client = Client(history=first, histories=2)
    client.respond()
    first.add(quote(4))
    for seq in range(2, 5):
        second.add(quote(seq))
    client.receive(quote(4))
    client.check()
    for _ in range(2):
        history, request = client.pending.pop(0)
        client.protocol.response((first, second)[history].respond(request), client.now_s)
        client.check()
    assert client.seqs() == [1, 2, 3, 4]
    assert client.gaps() == []


def test_without_a_history_every_missing_range_is_a_gap() -> None:
    client = Client()
    client.receive(quote(1), quote(4))
    client.check(0.06)
    assert client.seqs() == [1, 4]
    assert client.gaps() == [(2, 3)]


def test_a_message_that_cannot_be_read_is_a_gap() -> None:
    client = joined(history_of(quote(1)))
    client.receive((QUOTE.encode(), b"\xc1junk"), (QUOTE.encode(), b"\x80"), quote(3))
    client.check(0.3)
    client.respond()
    assert client.seqs() == [1, 3]
    assert client.gaps() == [(2, 2)]


def test_a_message_nested_too_deeply_is_unreadable() -> None:
    deep = msgspec.msgpack.encode({"x": None})[:-1] + b"\x91" * 3000 + b"\xc0"
    client = joined(history_of(quote(1)))
    client.receive((QUOTE.encode(), deep), quote(2))
    client.protocol.response(deep, client.now_s)
    assert client.seqs() == [1, 2]


def test_more_than_5000_waiting_messages_end_the_wait() -> None:
    client = joined(history_of(quote(1)))
    client.receive(*(quote(seq) for seq in range(3, 5003)))
    assert client.seqs() == [1]
    client.receive(quote(5003))
    assert client.gaps() == [(2, 2)]
    assert client.seqs()[-1] == 5003


def test_adjacent_ranges_lost_for_the_same_reason_are_one_gap() -> None:
    client = joined(history_of(quote(1)))
    client.receive(status(1, next_seq={QUOTE: 3}), status(2, next_seq={QUOTE: 5}))
    for _ in range(12):
        client.check(0.1)
    assert client.gaps() == [(2, 4)]


def test_a_request_without_a_response_is_given_up_while_others_are_answered() -> None:
    other = "S/USDT"
    history = history_of(quote(1), quote(1, symbol=other))
    client = joined(history)
    client.receive(quote(3))
    client.check()
    for seq in range(2, 26, 2):
        history.add(quote(seq, symbol=other))
        client.receive(quote(seq + 1, symbol=other))
        client.check(0.1)
        client.pending = [one for one in client.pending if other.encode() in one[1]]
        client.respond()
    assert client.gaps() == [(2, 2)]
    assert len([one for one in client.received if getattr(one, "symbol", "") == other]) == 25


# --- heartbeats --------------------------------------------------------------------------------


def test_a_lost_tail_shows_in_the_heartbeat_and_is_repaired() -> None:
    history = history_of(quote(1))
    client = joined(history)
    history.add(quote(2))
    history.add(quote(3))
    client.receive(status(1, next_seq={QUOTE: 4, STATUS: 2}))
    client.check()
    client.respond()
    assert client.seqs() == [1, 2, 3]


def test_a_topic_whose_messages_are_all_lost_shows_in_the_heartbeat() -> None:
    history = history_of(quote(1), status(1, next_seq={QUOTE: 2, TRADE: 1}))
    client = joined(history)
    history.add(trade(1))
    client.receive(status(2, next_seq={QUOTE: 2, TRADE: 2}))
    client.check()
    client.respond()
    assert client.seqs("trade") == [1]


def test_a_clean_stop_is_reported_and_its_lost_tail_repaired() -> None:
    history = history_of(quote(1), status(1, next_seq={QUOTE: 2}))
    client = joined(history)
    history.add(quote(2))
    client.receive(status(2, state="stopped", reason="told to", next_seq={QUOTE: 3}))
    client.check()
    client.respond()
    assert client.notices(Stopped) == [Stopped(FEED, 1, "told to")]
    assert client.seqs() == [1, 2]
    client.check(60)
    assert [one.state for one in client.notices(StateChange)] == ["live"]


def test_a_silent_feed_is_stale_after_two_and_a_half_seconds() -> None:
    client = joined(history_of(status(1, next_seq={})))
    client.receive(status(2))
    client.check(2.1)
    assert len(client.notices(StateChange)) == 1
    client.check(0.2)
    client.check(10)
    client.receive(status(3))
    assert client.notices(StateChange) == [
        StateChange(FEED, "live", None),
        StateChange(FEED, "stale", "no heartbeat for 2.2 s"),
        StateChange(FEED, "live", None),
    ]


def test_an_upstream_gap_and_a_state_are_each_reported_once() -> None:
    client = joined(history_of(status(1)))
    gap = {"channel": "trade", "from_id": 5, "to_id": 9, "reason": "ids jump"}
    client.receive(status(2, gap=gap), status(2, gap=gap), status(3, state="stale", reason="mute"))
    assert client.notices(UpstreamGap) == [UpstreamGap(FEED, "trade", 5, 9, "ids jump")]
    assert client.notices(StateChange)[-1] == StateChange(FEED, "stale", "mute")
    assert client.notices(Status) == []


def test_time_in_which_the_process_is_stalled_does_not_count() -> None:
    client = joined(history_of(status(1)))
    assert client.protocol.clock(100.2) == pytest.approx(100.2)
    assert client.protocol.clock(130.0) == pytest.approx(100.2)
    assert client.protocol.clock(130.1) == pytest.approx(100.3)


# --- sessions ---------------------------------------------------------------------------------


def test_a_new_session_is_reported_and_complete_from_its_first_message() -> None:
    history = history_of(quote(8))
    client = joined(history)
    for seq in range(1, 5):
        history.add(quote(seq, session=2))
    client.receive(quote(4, session=2))
    client.check()
    client.respond()
    client.receive(quote(9), quote(5, session=2))
    assert client.notices(NewSession) == [NewSession(FEED, 1, 2)]
    assert [(one.session, one.seq) for one in client.received if getattr(one, "channel", 0)] == [
        (1, 8), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5)
    ]  # fmt: skip


def test_a_gap_of_the_old_session_is_reported_before_the_new_one() -> None:
    client = joined(history_of(quote(1)))
    client.receive(quote(3), status(1, session=2, next_seq={QUOTE: 1}))
    kinds = [type(one).__name__ for one in client.received]
    assert kinds == ["Quote", "Gap", "Quote", "NewSession", "StateChange"]


def test_a_feed_that_starts_while_we_listen_is_complete_from_its_first_message() -> None:
    history = History()
    client = joined(history)
    client.check(10)
    history.add(quote(1))
    client.receive(status(2, next_seq={QUOTE: 2, STATUS: 3}, uptime_s=0.5))
    client.check()
    client.respond()
    assert client.seqs() == [1]


def test_the_missed_start_of_a_feed_is_a_gap() -> None:
    client = joined(History())
    client.check(10)
    client.receive(quote(3), status(2, next_seq={QUOTE: 4}, uptime_s=0.5))
    assert client.gaps()[0] == (1, 2)


# --- topics -----------------------------------------------------------------------------------


def test_statuses_of_wanted_topics_are_received_and_not_emitted() -> None:
    client = Client(QUOTE)
    assert client.protocol.subscriptions == [QUOTE, STATUS]
    client.receive(status(1), quote(1))
    assert [type(one).__name__ for one in client.received] == ["StateChange", "Quote"]


def test_a_status_subscribed_by_name_that_cannot_be_decoded_is_a_gap() -> None:
    client = Client("status.")
    client.receive(status(1))
    assert client.received == []


@pytest.mark.parametrize(
    ("prefixes", "subscriptions"),
    [
        ([""], [""]),
        (["quote."], ["quote.", "status."]),
        (["quote.bybit.", "trade.bybit.X."], ["quote.bybit.", "status.bybit.", "trade.bybit.X."]),
        (["quo"], ["quo", "status."]),
        (["status."], ["status."]),
    ],
)
def test_subscriptions_cover_the_feeds_statuses(
    prefixes: list[str], subscriptions: list[str]
) -> None:
    assert Client(*prefixes).protocol.subscriptions == subscriptions


def test_a_feeds_status_does_not_affect_another_feeds_topics() -> None:
    client = Client()
    other = quote(1, symbol="S/USDT")
    client.receive(other, status(1, next_seq={other[0].decode(): 900}))
    client.check(0.1)
    assert client.gaps() == []


def test_topics_beyond_20000_are_ignored_and_reported_once() -> None:
    client = Client()
    client.receive(*(quote(1, symbol=f"S{number}") for number in range(20_010)))
    assert len(client.seqs()) == 20_000
    (change,) = client.notices(StateChange)
    assert (change.feed, change.state) == ("", "behind")


def test_unwanted_topics_are_not_gaps() -> None:
    client = Client(QUOTE)
    client.receive(quote(1), status(1, next_seq={QUOTE: 2, TRADE: 900}))
    client.check(0.1)
    client.receive(status(2, next_seq={QUOTE: 2, TRADE: 950}))
    client.check(0.1)
    assert client.gaps() == []


def test_an_unknown_channel_is_emitted_with_its_payload() -> None:
    client = Client()
    payload = quote(1)[1]
    client.receive((b"greeks.deribit.X.", payload))
    assert (client.received[0].channel, client.received[0].payload) == ("greeks", payload)


def test_gaps_upstream_are_reported_of_wanted_channels_only() -> None:
    gap = {"channel": "trade", "from_id": 1, "to_id": 9, "reason": "a reconnect"}
    for prefixes, reported in (
        (("quote.",), False), ((QUOTE,), False), (("trade.",), True), ((TRADE,), True),
        (("",), True),
    ):  # fmt: skip
        client = Client(*prefixes)
        client.receive(status(1), status(2, gap=gap))
        assert bool(client.notices(UpstreamGap)) is reported, prefixes


def test_lost_statuses_are_no_gap_and_what_they_reported_is_not_lost() -> None:
    """Their channels' counters show it."""

    def counted(seq: int, gaps: int) -> tuple[bytes, bytes]:
        topic, payload = status(seq)
        content = msgspec.msgpack.decode(payload)
        channels = {"quote": {"gaps": gaps}, "trade": {"gaps": 7}}
        return topic, msgspec.msgpack.encode({**content, "channels": channels})

    client = Client("quote.")
    client.receive(counted(1, 3), quote(1), counted(3, 3))
    client.check(2.0)
    assert client.gaps() == []
    assert client.notices(UpstreamGap) == []
    client.receive(counted(5, 4))
    client.check(2.0)
    assert client.gaps() == []
    (gap,) = client.notices(UpstreamGap)
    assert (gap.channel, gap.from_id, gap.to_id) == ("quote", None, None)
    assert gap.reason == "the status that reported it was lost"
    client.receive(counted(6, 4), counted(8, 4))
    client.check(2.0)
    assert len(client.notices(UpstreamGap)) == 1


def test_a_topic_that_was_silent_since_the_history_began_has_no_gap() -> None:
    """A status shows that it had messages, all from before the stream; later ones are missed."""
    history = History()
    client = joined(history)
    client.receive(status(9, next_seq={QUOTE: 157}))
    client.respond()
    client.check(0.3)
    client.respond()
    assert client.gaps() == []
    client.receive(quote(157), quote(159))
    client.check(0.3)
    client.respond()
    client.check(1.1)
    assert client.seqs() == [157, 159]
    assert client.gaps() == [(158, 158)]


def test_a_recorded_status_does_not_show_that_its_session_began_after_the_stream() -> None:
    """A replay's subscriber may have waited for longer than the recorded worker was up."""
    began_ns = 1_800_000_000_000_000_000
    for published_ns, complete in ((began_ns + 1, True), (began_ns - 60 * 10**9, False)):
        client = Client(since_ns=began_ns)
        client.check(30.0)
        topic, payload = status(4, uptime_s=3.0, next_seq={QUOTE: 8})
        content = {**msgspec.msgpack.decode(payload), "published_ns": published_ns}
        client.receive(quote(7), (topic, msgspec.msgpack.encode(content)))
        client.check(1.0)
        assert client.gaps() == ([(1, 6)] if complete else [])

"""The rules of a session, tested with lists of events."""

from feedd.feed.session import Session
from feedd.model import Gap


def live_session() -> Session:
    session = Session(["quote", "trade"], 0, self_checked=frozenset({"trade"}))
    session.subscribed("quote", 0)
    session.subscribed("trade", 0)
    session.event("quote", 100, 0)
    session.event("trade", 7, 0)
    return session


def test_a_session_is_live_when_every_channel_that_must_speak_has_spoken() -> None:
    session = Session(["quote", "trade"], 0)
    assert session.state == "starting"
    session.subscribed("quote", 0)
    session.subscribed("trade", 0)
    assert session.state == "starting"
    assert session.reason == "quote: waiting for the first event"
    session.event("quote", 1, 0)
    assert session.state == "live"
    assert session.reason is None


def test_a_lost_channel_sets_reconnecting_with_channel_and_reason() -> None:
    session = live_session()
    session.lost("quote", "closing code 1006", 0)
    assert session.state == "reconnecting"
    assert session.reason == "quote: closing code 1006"


def test_the_first_event_after_a_loss_reports_the_gap_once() -> None:
    session = live_session()
    session.lost("quote", "closing code 1006", 0)
    session.lost("quote", "connection refused", 0)
    session.subscribed("quote", 5)
    gap = session.event("quote", 250, 0)
    assert gap == Gap("quote", 100, 250, "reconnect after: closing code 1006")
    assert session.event("quote", 260, 0) is None
    assert (session.gaps, session.reconnects, session.state) == (1, 1, "live")


def test_a_reconnect_counts_once_where_data_show_the_subscription() -> None:
    session = live_session()
    session.lost("quote", "reset", 5)
    session.event("quote", 9, 6)
    session.subscribed("quote", 7)
    session.subscribed("quote", 8)
    assert session.reconnects == 1


def test_the_first_event_of_a_session_is_no_gap_even_after_failed_connections() -> None:
    session = Session(["quote"], 0)
    session.lost("quote", "connection refused", 0)
    assert session.event("quote", 1, 0) is None


def test_a_gap_found_by_the_source_is_reported_with_its_range() -> None:
    session = live_session()
    gap = session.missing("trade", 8, 12, "the exchange's ids jump")
    assert gap == Gap("trade", 8, 12, "the exchange's ids jump")
    assert session.gaps == 1


def test_a_self_checked_channel_has_only_the_gaps_its_source_reports() -> None:
    session = live_session()
    session.lost("trade", "closing code 1006", 0)
    session.reject(["trade"], "no JSON")
    session.subscribed("trade", 5)
    assert session.event("trade", 8, 0) is None


def test_a_channel_that_waits_for_a_snapshot_is_in_resync_until_its_next_event() -> None:
    session = live_session()
    session.resync("quote", "an update is missing")
    assert (session.state, session.reason) == ("resync", "quote: an update is missing")
    session.event("quote", 101, 0)
    assert session.state == "live"


def test_a_reconnect_that_missed_no_trade_is_no_gap() -> None:
    session = live_session()
    session.lost("trade", "closing code 1006", 0)
    assert session.event("trade", 8, 0) is None


def test_a_message_that_could_not_be_read_is_a_gap_before_the_next() -> None:
    session = live_session()
    session.reject(["quote"], "JSONDecodeError")
    gap = session.event("quote", 300, 0)
    assert gap is not None
    assert (gap.from_id, gap.to_id, gap.reason) == (
        100, 300, "a message could not be read: JSONDecodeError",
    )  # fmt: skip
    assert session.rejected == 1


def test_stopped_is_the_last_state() -> None:
    session = live_session()
    session.stop("the worker was stopped")
    session.lost("quote", "closed", 0)
    assert (session.state, session.reason) == ("stopped", "the worker was stopped")


def test_a_connection_that_only_waits_for_its_turn_is_no_try() -> None:
    session = live_session()
    session.lost("quote", "closing code 1006", 0)
    session.lost("quote", "270 connections are used up", 0, waits=True)
    quote = session.channels["quote"]
    assert (quote.tries, quote.waits, quote.state) == (1, True, "reconnecting")
    session.lost("quote", "connection refused", 0)
    assert (quote.tries, quote.waits) == (2, False)


def test_each_channel_is_counted_by_itself_and_the_session_is_their_sum() -> None:
    session = live_session()
    session.lost("quote", "closing code 1006", 0)
    session.subscribed("quote", 5)
    session.subscribed("quote", 5)
    session.event("quote", 250, 77)
    quote, trade = session.channels["quote"], session.channels["trade"]
    assert (quote.messages, quote.reconnects, quote.gaps, quote.last_received_ns) == (2, 1, 1, 77)
    assert (trade.messages, trade.reconnects, trade.gaps) == (1, 0, 0)
    assert (session.messages, session.reconnects, session.gaps) == (3, 1, 1)


def test_a_lost_channel_counts_as_disconnected_until_it_is_subscribed_again() -> None:
    session = live_session()
    session.lost("quote", "closing code 1006", 60)
    assert session.channels["quote"].state == "reconnecting"
    session.lost("quote", "connection refused", 70)
    session.subscribed("quote", 80)
    assert session.channels["quote"].connection.percent(100) == 80.0
    assert session.channels["trade"].connection.percent(100) == 100.0

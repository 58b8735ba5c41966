"""The rules of a session, told by lists of what happened."""

from feedd.model import Gap
from feedd.session import STALE_AFTER_NS, S, Session

LIMIT = STALE_AFTER_NS["quote"]


def live_session() -> Session:
    session = Session(["quote", "trade"], 0, self_checked=frozenset({"trade"}))
    session.subscribed("quote", 0)
    session.subscribed("trade", 0)
    session.event("quote", 100)
    session.event("trade", 7)
    return session


def test_a_session_is_live_when_every_channel_that_must_speak_has_spoken() -> None:
    session = Session(["quote", "trade"], 0)
    assert session.state == "starting"
    session.subscribed("quote", 0)
    session.subscribed("trade", 0)
    assert session.state == "starting"
    assert session.reason == "quote: waiting for the first event"
    session.event("quote", 1)
    assert session.state == "live"
    assert session.reason is None


def test_a_lost_channel_makes_the_whole_reconnecting_and_says_which_and_why() -> None:
    session = live_session()
    session.lost("quote", "closing code 1006")
    assert session.state == "reconnecting"
    assert session.reason == "quote: closing code 1006"


def test_the_first_event_after_a_loss_reports_the_gap_once() -> None:
    session = live_session()
    session.lost("quote", "closing code 1006")
    session.lost("quote", "connection refused")
    session.subscribed("quote", 5)
    gap = session.event("quote", 250)
    assert gap == Gap("quote", 100, 250, "reconnect after: closing code 1006")
    assert session.event("quote", 260) is None
    assert (session.gaps, session.reconnects, session.state) == (1, 1, "live")


def test_the_first_event_of_a_session_is_no_gap_even_after_failed_connections() -> None:
    session = Session(["quote"], 0)
    session.lost("quote", "connection refused")
    assert session.event("quote", 1) is None


def test_a_hole_that_the_source_found_is_told_with_its_range() -> None:
    session = live_session()
    gap = session.missing("trade", 8, 12, "the exchange's ids jump")
    assert gap == Gap("trade", 8, 12, "the exchange's ids jump")
    assert session.gaps == 1


def test_a_self_checked_channel_has_no_gap_but_those_that_its_source_tells() -> None:
    session = live_session()
    session.lost("trade", "closing code 1006")
    session.reject(["trade"], "no JSON")
    session.subscribed("trade", 5)
    assert session.event("trade", 8) is None


def test_a_channel_that_waits_for_a_snapshot_is_in_resync_until_its_next_event() -> None:
    session = live_session()
    session.resync("quote", "an update is missing")
    assert (session.state, session.reason) == ("resync", "quote: an update is missing")
    session.event("quote", 101)
    assert session.state == "live"


def test_a_reconnect_that_missed_no_trade_is_no_gap() -> None:
    session = live_session()
    session.lost("trade", "closing code 1006")
    assert session.event("trade", 8) is None


def test_a_message_that_could_not_be_read_is_a_gap_before_the_next() -> None:
    session = live_session()
    session.reject(["quote"], "JSONDecodeError")
    gap = session.event("quote", 300)
    assert gap is not None
    assert (gap.from_id, gap.to_id, gap.reason) == (
        100, 300, "a message could not be read: JSONDecodeError",
    )  # fmt: skip
    assert session.rejected == 1


def test_a_silent_channel_is_stale_and_then_to_be_connected_anew() -> None:
    session = live_session()
    assert session.overdue(S) == []
    assert session.overdue(LIMIT + 2 * S) == []
    assert session.state == "stale"
    assert session.reason == "quote: silent for more than 30 s"
    assert session.overdue(2 * LIMIT + 2 * S) == ["quote"]
    session.event("quote", 101)
    assert session.state == "live"


def test_a_market_without_trades_is_live_for_ten_minutes() -> None:
    session = Session(["trade"], 0)
    session.subscribed("trade", 0)
    assert session.overdue(600 * S) == []
    assert session.state == "live"
    session.overdue(601 * S)
    assert session.state == "stale"


def test_a_stream_that_stays_mute_after_a_reconnect_is_connected_anew_again_and_again() -> None:
    session = live_session()
    now = 0
    for _ in range(5):
        session.lost("quote", "silent for too long")
        session.subscribed("quote", now)
        assert session.overdue(now + LIMIT) == []
        now += 2 * LIMIT + S
        assert session.overdue(now) == ["quote"]
        assert session.state == "stale"


def test_a_subscription_that_never_speaks_is_stale_too() -> None:
    session = Session(["quote"], 0)
    session.subscribed("quote", 10 * S)
    session.overdue(LIMIT + 9 * S)
    assert session.state == "starting"
    session.overdue(LIMIT + 11 * S)
    assert session.state == "stale"


def test_stopped_is_the_last_state() -> None:
    session = live_session()
    session.stop("the worker was told to stop")
    session.lost("quote", "closed")
    assert (session.state, session.reason) == ("stopped", "the worker was told to stop")

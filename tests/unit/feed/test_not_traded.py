"""A symbol that the exchange lists and does not trade: its states, reasons and renewals."""

from __future__ import annotations

from feedd.clock import NS_PER_S
from feedd.feed.session import Session, SilentChannel
from feedd.model import ABSENT

SETTLING = "listed as SETTLING, not traded"


def subscribed(word: str | None) -> Session:
    session = Session(["quote", "trade"], 0)
    session.listed(word, 0)
    for channel in ("quote", "trade"):
        session.subscribed(channel, 0)
    return session


def run(session: Session, seconds: range) -> list[tuple[int, SilentChannel]]:
    """Let time pass on connections that answer."""
    return [
        (now_s, one)
        for now_s in seconds
        for one in session.overdue(now_s * NS_PER_S, lambda _, count=now_s: count)
    ]


def test_a_symbol_that_is_not_traded_is_stale_for_that_reason_on_every_channel() -> None:
    session = subscribed("SETTLING")
    assert (session.state, session.reason) == ("stale", f"quote, trade: {SETTLING}")
    run(session, range(1, 100))
    assert (session.state, session.reason) == ("stale", f"quote, trade: {SETTLING}")


def test_it_is_subscribed_to_again_rarely() -> None:
    due = run(subscribed("SETTLING"), range(1, 6 * 3600))
    assert [now_s for now_s, one in due if one.name == "quote"] == [
        601, 1201, 1801, 3001, 5401, 9001, 12601, 16201, 19801,
    ]  # fmt: skip


def test_it_is_live_as_soon_as_data_flows() -> None:
    session = subscribed("PENDING_TRADING")
    session.event("quote", 1, 0)
    assert session.channels["quote"].state == "live"
    assert session.reason == "trade: listed as PENDING_TRADING, not traded"


def test_it_is_judged_as_usual_and_subscribed_to_again_once_it_is_listed_as_traded() -> None:
    session = subscribed("PENDING_TRADING")
    run(session, range(1, 90))
    assert session.listed(None, 90 * NS_PER_S) == ["quote", "trade"]
    assert [c.state for c in session.channels.values()] == ["starting", "live"]
    assert session.listed(None, 91 * NS_PER_S) == []
    assert next(now_s for now_s, _ in run(session, range(91, 200))) == 151


def test_a_symbol_that_stops_trading_keeps_the_channels_that_flow() -> None:
    session = subscribed(None)
    session.event("quote", 1, 0)
    run(session, range(1, 40))
    session.event("trade", 1, 0)
    run(session, range(40, 42))
    session.listed("SETTLING", 41 * NS_PER_S)
    assert session.channels["quote"].reason == SETTLING
    assert session.channels["trade"].state == "live"
    run(session, range(42, 700))
    assert session.reason == f"quote, trade: {SETTLING}"
    session.listed(ABSENT, 700 * NS_PER_S)
    assert session.reason == "quote, trade: no longer listed"


def test_only_a_session_that_receives_nothing_asks_for_the_list() -> None:
    session = subscribed(None)
    assert session.receives_nothing
    session.event("quote", 1, 0)
    run(session, range(1, 3))
    assert not session.receives_nothing
    run(session, range(3, 60))
    assert session.receives_nothing
    session.event("trade", 1, 0)
    run(session, range(60, 62))
    assert not session.receives_nothing
    run(session, range(62, 100))  # a quiet channel is live for longer
    assert session.receives_nothing
    assert session.channels["trade"].state == "live"

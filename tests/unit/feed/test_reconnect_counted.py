"""A reconnect is counted, whichever comes first: the answer to a subscription, or data."""

from __future__ import annotations

from feedd.clock import NS_PER_S
from feedd.feed.session import Session


def lost_session() -> Session:
    session = Session(("trade",), 0)
    session.subscribed("trade", 0)
    session.event("trade", 1, 0)
    session.lost("trade", "closed", NS_PER_S)
    return session


def test_data_before_the_answer_counts_one_reconnect() -> None:
    session = lost_session()
    session.event("trade", 2, 0)
    assert (session.state, session.reconnects) == ("live", 1)
    session.subscribed("trade", 2 * NS_PER_S)
    assert (session.state, session.reconnects) == ("live", 1)


def test_an_answer_before_data_counts_one_reconnect() -> None:
    session = lost_session()
    session.subscribed("trade", 2 * NS_PER_S)
    session.event("trade", 2, 0)
    assert (session.state, session.reconnects) == ("live", 1)

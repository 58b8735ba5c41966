"""When a change of a feed or process is notified."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from feedd.gateway.notifications.condition import STARTING_S, Condition, Fault
from feedd.gateway.notifications.notification import Notification

SETTLE_S = 5.0
LOST = Fault("reconnecting", "closing code 1006")
FEED = "binanceusdm.BTC/USDT:USDT."


class Feed:
    """A feed that is live at first, and its notifications."""

    def __init__(self, *, live: bool = True) -> None:
        self.now_s = 1000.0
        self.condition = Condition("feed", FEED, SETTLE_S)
        if live:
            self.set(None)

    def set(self, fault: Fault | None, origin: str = "state") -> None:
        self.condition.set(origin, fault, self.now_s, int(self.now_s * 1000))

    def after(self, seconds: float) -> Notification | None:
        """Let time pass; return what is notified then."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(until_s, self.now_s + 0.25)
            if (found := self.condition.due(self.now_s)) is not None:
                return found
        return None


def test_a_fault_is_notified_once_it_has_lasted_for_the_settle_time() -> None:
    feed = Feed()
    feed.set(LOST)
    assert feed.after(4.9) is None
    assert feed.after(0.2) == Notification(
        kind="feed", outcome="firing", name=FEED, since_ms=1_000_000, state="reconnecting",
        reason="closing code 1006",
    )  # fmt: skip
    feed.set(Fault("reconnecting", "connection refused"))
    assert feed.after(60) is None
    firing = feed.condition.firing
    assert firing is not None
    assert firing.reason == "connection refused"


def test_the_end_of_a_notified_fault_is_notified_with_both_times() -> None:
    feed = Feed()
    feed.set(LOST)
    assert feed.after(10) is not None
    feed.now_s = 1060.0
    feed.set(None)
    assert feed.after(4.9) is None
    resolved = feed.after(0.2)
    assert resolved is not None
    assert (resolved.outcome, resolved.since_ms, resolved.until_ms) == (
        "resolved", 1_000_000, 1_060_000,
    )  # fmt: skip
    assert resolved.reason == "closing code 1006"
    assert feed.condition.firing is None


def test_short_faults_are_one_notification_with_their_number_and_length() -> None:
    feed = Feed()
    for _ in range(3):
        feed.set(LOST)
        assert feed.after(1) is None
        feed.set(None)
        assert feed.after(1) is None
    past = feed.after(10)
    assert past is not None
    assert (past.outcome, past.count, past.lasted_ms) == ("past", 3, 3000)
    assert (past.since_ms, past.until_ms) == (1_000_000, 1_005_000)
    assert feed.after(100) is None


def test_a_moment_without_a_notified_fault_is_not_its_end() -> None:
    feed = Feed()
    feed.set(LOST)
    assert feed.after(10) is not None
    feed.set(None)
    assert feed.after(2) is None
    feed.set(LOST)
    assert feed.after(100) is None
    assert feed.condition.firing is not None


def test_a_condition_that_never_settles_is_notified_all_the_same() -> None:
    feed, found = Feed(), []
    for _ in range(60):
        feed.set(LOST)
        found.append(feed.after(1))
        feed.set(None)
        found.append(feed.after(1))
    notified = [one for one in found if one is not None]
    assert 3 <= len(notified) <= 8
    assert {one.outcome for one in notified} <= {"firing", "past", "resolved"}


def test_a_start_is_no_change_and_one_that_takes_too_long_is() -> None:
    quick = Feed(live=False)
    quick.set(Fault("starting", None))
    assert quick.after(STARTING_S - 1) is None
    quick.set(None)
    assert quick.after(60) is None
    slow = Feed(live=False)
    slow.set(Fault("reconnecting", "HTTP 503"))
    assert slow.after(STARTING_S - 1) is None
    firing = slow.after(2)
    assert firing is not None
    assert (firing.outcome, firing.reason) == ("firing", "HTTP 503")


def test_it_is_well_once_no_origin_reports_a_fault() -> None:
    feed = Feed()
    feed.set(Fault("stale", "no heartbeat"))
    feed.set(Fault("BACKOFF", "exit code 1"), "process")
    firing = feed.after(10)
    assert firing is not None
    assert firing.state == "BACKOFF"
    feed.set(None, "process")
    assert feed.after(20) is None
    feed.set(None)
    resolved = feed.after(20)
    assert resolved is not None
    assert resolved.outcome == "resolved"


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 40)), max_size=40))
def test_the_last_notification_is_the_truth_and_no_fault_is_left_out(
    changes: list[tuple[bool, float]],
) -> None:
    feed, notified, faults = Feed(), [], 0
    live = True
    for now_live, lasts_s in changes:
        faults += live and not now_live
        live = now_live
        feed.set(None if live else LOST)
        until_s = feed.now_s + lasts_s
        while feed.now_s < until_s:
            if (one := feed.after(min(0.25, until_s - feed.now_s))) is not None:
                notified.append(one)
    while (one := feed.after(200)) is not None:
        notified.append(one)
    assert bool(faults) == bool(notified)
    assert (feed.condition.firing is None) == live
    last = [one.outcome for one in notified if one.outcome != "past"]
    assert (last[-1:] or ["resolved"]) == ["resolved" if live else "firing"]
    for before, after in itertools.pairwise(last):
        assert before != after

"""Which notices and reports become notifications."""

from __future__ import annotations

from typing import Any

from feedd.client.events import Gap, NewSession, Notice, StateChange, Stopped, UpstreamGap
from feedd.config.webhook import WebhookSettings
from feedd.gateway.journal import Journal
from feedd.gateway.notifications import tracker as tracker_module
from feedd.gateway.notifications.notification import Notification
from feedd.gateway.notifications.tracker import OTHERS, Tracker
from feedd.health.report import UNKNOWN, ProcessHealth

FEED, OTHER = "binanceusdm.BTC/USDT:USDT.", "binanceusdm.ETH/USDT:USDT."
FEEDS = {"feed-btc": FEED, "feed-eth": OTHER}
LOST = StateChange(FEED, "reconnecting", "closing code 1006")
LIVE = StateChange(FEED, "live", None)


class World:
    """A tracker, and the time."""

    def __init__(self, **settings: Any) -> None:
        self.tracker = Tracker(WebhookSettings(**settings))
        self.journal = Journal()
        self.now_s = 1000.0

    def notice(self, *notices: Notice) -> World:
        for one in notices:
            self.tracker.entry(self.journal.add(one, int(self.now_s * 1000)), self.now_s)
        return self

    def report(self, *rows: ProcessHealth, hung: str | None = None) -> list[Notification]:
        return self.tracker.processes(rows, FEEDS, hung, self.now_s, int(self.now_s * 1000))

    def after(self, seconds: float) -> list[Notification]:
        self.now_s += seconds
        return self.tracker.due(self.now_s)


def process(name: str, runs: str = "RUNNING", pid: int | None = 7, **more: Any) -> ProcessHealth:
    return ProcessHealth(name, runs, pid, 600, **more)


def worker(runs: str = "RUNNING", **more: Any) -> ProcessHealth:
    return process("feed-btc", runs, exchange="binanceusdm", **more)


def names(found: list[Notification]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.outcome, one.name) for one in found]


def test_a_feed_that_is_not_live_and_is_live_again_is_notified() -> None:
    world = World().notice(LIVE, LOST)
    (found,) = world.after(6)
    assert (found.kind, found.outcome, found.exchange, found.symbol, found.reason) == (
        "feed", "firing", "binanceusdm", "BTC/USDT:USDT", "closing code 1006",
    )  # fmt: skip
    assert names(world.tracker.firing()) == [("feed", "firing", FEED)]
    assert names(world.notice(LIVE).after(6)) == [("feed", "resolved", FEED)]
    assert world.tracker.firing() == []


def test_a_killed_worker_is_one_restart_and_one_short_fault() -> None:
    world = World().notice(LIVE)
    world.report(worker())
    world.report(worker("EXITED", pid=None, reason="a signal ended it"))
    world.notice(StateChange(FEED, "stale", "no heartbeat"))
    world.now_s += 2
    world.report(worker(pid=8))
    world.notice(NewSession(FEED, 1, 2), StateChange(FEED, "starting", None), LIVE)
    found = world.after(6)
    assert sorted(names(found)) == [("feed", "past", FEED), ("restart", "past", FEED)]
    (fault,) = [one for one in found if one.kind == "feed"]
    assert (fault.state, fault.count, fault.lasted_ms) == ("stale", 1, 2000)


def test_a_worker_that_does_not_run_is_named_with_the_reason_of_its_end() -> None:
    world = World().notice(LIVE)
    world.report(worker("FATAL", pid=None, reason="exit code 1; see its log"))
    (found,) = world.after(6)
    assert (found.kind, found.name, found.state) == ("feed", FEED, "FATAL")
    assert found.reason == "exit code 1; see its log"


def test_other_processes_are_notified_when_they_are_down_up_and_restarted() -> None:
    world = World()
    world.report(process("proxy"), process("recorder", restarts=2))
    world.report(process("proxy", "FATAL", None), process("recorder", pid=9, restarts=5))
    found = world.after(6)
    assert names(found) == [("process", "firing", "proxy"), ("restart", "past", "recorder")]
    assert found[1].count == 3
    world.report(process("proxy", pid=8), process("recorder", pid=9, restarts=5))
    assert sorted(names(world.after(6))) == [
        ("process", "resolved", "proxy"), ("restart", "past", "proxy"),
    ]  # fmt: skip


def test_a_process_that_runs_and_does_not_work_is_down() -> None:
    world = World()
    world.report(process("recorder"))
    world.report(process("recorder"), hung="supervisord does not answer")
    (found,) = world.after(40)
    assert (found.name, found.state) == ("supervisord", "hung")
    world.report(process("proxy", UNKNOWN, None), hung="supervisord does not answer")
    assert world.after(40) == []


def test_gaps_of_a_topic_within_the_settle_time_are_one_notification() -> None:
    world = World().notice(
        UpstreamGap(FEED, "trade", 5, 9, "the ids jump"),
        UpstreamGap(FEED, "trade", 20, 22, "the ids jump"),
        UpstreamGap(FEED, "book", None, None, "crossed"),
        Gap(f"quote.{FEED}", 77, 3, 4, "not in the history"),
    )
    assert world.after(4) == []
    found = {(one.kind, one.channel): one for one in world.after(2)}
    trades = found["upstream_gap", "trade"]
    assert (trades.count, trades.from_id, trades.to_id) == (2, 5, 22)
    assert found["upstream_gap", "book"].count == 1
    own = found["gap", "quote"]
    assert (own.name, own.session, own.from_seq, own.to_seq) == (FEED, 77, 3, 4)


def test_a_feed_that_is_stopped_on_purpose_is_not_live_and_its_removal_ends_that() -> None:
    world = World().notice(LIVE)
    assert world.report(worker(), process("proxy")) == []
    (found,) = world.notice(Stopped(FEED, 7, "SIGTERM")).after(6)
    assert (found.outcome, found.state) == ("firing", "stopped")
    ended = world.tracker.processes([process("proxy")], {"feed-eth": OTHER}, None, 1.0, 2_000_000)
    assert [(one.outcome, one.state) for one in ended] == [("resolved", "removed")]
    assert world.tracker.firing() == []


def test_what_happened_in_the_time_of_a_recording_is_not_notified() -> None:
    world = World()
    world.report(worker(state="replay"))
    world.notice(LIVE, LOST, UpstreamGap(FEED, "trade", 5, 9, "the ids jump"))
    world.notice(NewSession(FEED, 1, 2))
    assert world.after(60) == []


def test_faults_of_the_gateways_own_stream_are_notified() -> None:
    world = World().notice(StateChange("", "endpoint", None))
    world.notice(StateChange("", "no_endpoint", "nobody answers"))
    world.notice(StateChange("", "behind", "5 notices were dropped"))
    found = world.after(40)
    assert sorted((one.outcome, str(one.state)) for one in found) == [
        ("firing", "no_endpoint"), ("past", "behind"),
    ]  # fmt: skip
    assert names(world.notice(StateChange("", "endpoint", None)).after(6)) == [
        ("stream", "resolved", "gateway")
    ]


def test_only_what_the_setting_names_is_notified() -> None:
    world = World(notify=("gap",)).notice(LIVE, LOST, NewSession(FEED, 1, 2))
    world.notice(UpstreamGap(FEED, "trade", 5, 9, "the ids jump"))
    assert names(world.after(60)) == [("upstream_gap", "past", FEED)]
    assert world.tracker.firing() == []


def test_feeds_beyond_the_most_share_a_name(monkeypatch: Any) -> None:
    monkeypatch.setattr(tracker_module, "MAX_NAMES", 2)
    world = World(settle_s=0.0)
    for number in range(5):
        feed = f"x.{number}."
        world.notice(StateChange(feed, "live", None), StateChange(feed, "stale", None))
        world.notice(UpstreamGap(feed, "trade", 1, 2, "the ids jump"))
    found = world.after(100)
    assert {one.name for one in found} == {"x.0.", "x.1.", OTHERS}
    gaps = [one for one in found if one.kind == "upstream_gap"]
    assert sum(one.count for one in gaps) == 5

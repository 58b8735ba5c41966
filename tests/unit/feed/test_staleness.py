"""Quiet or dead: decided by a channel's usual rate and its connection's activity."""

from feedd.channels import CHANNELS
from feedd.clock import NS_PER_HOUR, NS_PER_S
from feedd.feed.last_hour import MOST, Occurrences, Uptime
from feedd.feed.session import CONNECTION_DEAD_NS, Session, SilentChannel
from feedd.feed.staleness import AdaptiveLimit

QUOTE = CHANNELS["quote"].silence


class Watched:
    """A session that is looked at once a second, on a connection that answers or doesn't."""

    def __init__(self, channel: str = "quote") -> None:
        self.channel = channel
        self.now_s = 0
        self.frames = 0
        self.session = Session([channel], 0)
        self.connect()

    def connect(self) -> None:
        self.session.subscribed(self.channel, self.now_s * NS_PER_S)

    def run(self, seconds: int, every_s: int | None = None, *, pongs: bool = True) -> list[int]:
        """Advance by a duration with periodic events; return the time of the reconnect."""
        restarts = []
        for _ in range(seconds):
            self.now_s += 1
            if every_s is not None and self.now_s % every_s == 0:
                self.session.event(self.channel, None, 0)
                self.frames += 1
            elif pongs and self.now_s % 5 == 0:
                self.frames += 1
            if self.session.overdue(self.now_s * NS_PER_S, lambda _: self.frames):
                restarts.append(self.now_s)
        return restarts


def test_a_busy_channel_is_stale_after_the_floor_and_reconnects_after_twice_that() -> None:
    watched = Watched()
    assert watched.run(120, every_s=1) == []
    watched.run(QUOTE.floor_ns // NS_PER_S)
    assert watched.session.state == "live"
    watched.run(1)
    assert watched.session.state == "stale"
    assert watched.session.reason == "quote: silent for more than 10 s"
    assert watched.run(10) == [120 + 2 * QUOTE.floor_ns // NS_PER_S + 1]
    watched.session.event("quote", 1, 0)
    assert watched.session.state == "live"


def test_a_channel_that_is_often_quiet_for_long_is_not_stale_when_it_is_again() -> None:
    watched = Watched()
    assert watched.run(300, every_s=25) == []
    assert watched.session.state == "live"
    assert watched.run(90) == []
    assert watched.session.state == "live"
    watched.run(20)
    assert watched.session.state == "stale"


def test_the_weight_of_past_intervals_halves_in_an_hour() -> None:
    limit = AdaptiveLimit("quote")
    limit.learn(60 * NS_PER_S)
    assert limit.limit_ns == 240 * NS_PER_S
    for _ in range(3600):
        limit.learn(NS_PER_S)
    assert 119 * NS_PER_S <= limit.limit_ns <= 121 * NS_PER_S


def test_a_limit_stays_within_bounds_and_starts_at_the_default_for_a_minute() -> None:
    limit = AdaptiveLimit("quote")
    for _ in range(59):
        limit.learn(NS_PER_S)
        assert limit.limit_ns == QUOTE.first_ns
    limit.learn(NS_PER_S)
    assert limit.limit_ns == QUOTE.floor_ns
    limit.learn(10**6 * NS_PER_S)
    assert limit.limit_ns == QUOTE.ceiling_ns


def test_a_silence_that_ends_in_a_reconnect_teaches_nothing() -> None:
    watched = Watched()
    watched.run(120, every_s=1)
    watched.run(100)
    watched.session.lost("quote", "silent for too long", watched.now_s * NS_PER_S)
    watched.connect()
    watched.run(2, every_s=1)
    assert watched.session.channels["quote"].staleness.limit_ns == QUOTE.floor_ns


def test_a_stream_that_stays_silent_is_renewed_again_after_growing_pauses() -> None:
    watched = Watched()
    watched.run(120, every_s=1)
    pauses = []
    for _ in range(7):
        began_s = watched.now_s
        while not watched.run(1):
            pass
        pauses.append(watched.now_s - began_s)
        watched.session.lost("quote", "silent for too long", watched.now_s * NS_PER_S)
        watched.connect()
    assert pauses == [21, 21, 21, 40, 80, 160, 300]
    assert watched.session.state == "reconnecting"


def test_what_a_subscription_begins_with_does_not_shorten_the_pause() -> None:
    """Some venues send a snapshot at each subscription, also of a market that is quiet."""
    watched = Watched()
    renewals = 0
    for _ in range(3600):
        if watched.run(1):
            renewals += 1
            watched.session.lost("quote", "silent for too long", watched.now_s * NS_PER_S)
            watched.connect()
            watched.session.event("quote", None, 0)
    assert renewals < 20
    quote = watched.session.channels["quote"]
    watched.run(2 * quote.staleness.limit_ns // NS_PER_S, every_s=1)
    assert watched.run(2 * quote.staleness.limit_ns // NS_PER_S + 1)


def run_both(session: Session, seconds: range, spoken: str) -> list[tuple[int, SilentChannel]]:
    """Advance by the second, with an event of one channel in each; return the renewals."""
    due = []
    for now_s in seconds:
        session.event(spoken, now_s, 0)
        renewed = session.overdue(now_s * NS_PER_S, lambda _, count=now_s: count)
        due += [(now_s, one) for one in renewed]
    return due


def test_a_silent_channel_is_renewed_with_the_names_of_those_that_flow() -> None:
    session = Session(["mark", "quote"], 0)
    for channel in ("mark", "quote"):
        session.subscribed(channel, 0)
    due = run_both(session, range(1, 8000), "quote")
    assert {one.name for _, one in due} == {"mark"}
    assert {one.flowing for _, one in due} == {frozenset({"quote"})}
    assert [now_s for now_s, _ in due] == [61, 121, 181, 301, 541, 1021, 1981, 3901, 7501]
    assert session.reason == "mark: silent for more than 30 s"
    assert session.channels["quote"].state == "live"


def test_channels_that_went_silent_together_do_not_flow() -> None:
    session = Session(["mark", "quote"], 0)
    for channel in ("mark", "quote"):
        session.subscribed(channel, 0)
    for now_s in range(1, 20):
        session.event("mark", None, 0)
        session.event("quote", now_s, 0)
        session.overdue(now_s * NS_PER_S, lambda _, count=now_s: count)
    due = []
    for now_s in range(20, 90):
        due += session.overdue(now_s * NS_PER_S, lambda _, count=now_s: count)
    assert {(one.name, one.flowing) for one in due} == {
        ("mark", frozenset()), ("quote", frozenset()),
    }  # fmt: skip


def test_a_channel_that_waits_for_a_snapshot_keeps_its_own_reason_however_silent() -> None:
    session = Session(["book", "quote"], 0, frozenset({"book"}))
    for channel in ("book", "quote"):
        session.subscribed(channel, 0)
    session.resync("book", "the snapshot is crossed")
    run_both(session, range(1, 200), "quote")
    assert (session.state, session.reason) == ("resync", "book: the snapshot is crossed")


def test_a_subscription_that_never_speaks_is_stale_too() -> None:
    watched = Watched()
    watched.run(QUOTE.first_ns // NS_PER_S)
    assert watched.session.state == "starting"
    watched.run(1)
    assert watched.session.state == "stale"


def test_a_market_without_trades_is_live_for_ten_minutes_while_its_connection_answers() -> None:
    watched = Watched("trade")
    watched.run(600)
    assert watched.session.state == "live"
    watched.run(1)
    assert watched.session.state == "stale"


def test_a_connection_that_does_not_even_answer_pings_is_dead_at_once() -> None:
    watched = Watched("trade")
    watched.run(10)
    silence_s = CONNECTION_DEAD_NS // NS_PER_S
    assert watched.run(silence_s, pongs=False) == []
    assert watched.run(1, pongs=False) == [10 + silence_s + 1]
    assert watched.session.reason == "trade: no sign of life for 20 s"


def test_a_connection_of_which_nothing_is_known_is_judged_by_its_events_alone() -> None:
    session = Session(["trade"], 0)
    session.subscribed("trade", 0)
    for now_s in range(1, 100):
        assert session.overdue(now_s * NS_PER_S, lambda _: None) == []
    assert session.state == "live"


def test_a_process_that_was_asleep_does_not_blame_the_exchange() -> None:
    watched = Watched()
    watched.run(120, every_s=1)
    watched.now_s += 3600
    assert watched.run(1) == []
    assert watched.session.state == "live"
    watched.run(3, every_s=1)
    assert watched.session.channels["quote"].staleness.limit_ns == QUOTE.floor_ns


def test_events_are_counted_for_an_hour_in_bounded_memory() -> None:
    happened = Occurrences()
    happened.add(0)
    happened.add(10)
    assert happened.count(NS_PER_HOUR - 1) == 2
    assert happened.count(NS_PER_HOUR) == 1
    assert happened.count(2 * NS_PER_HOUR) == 0
    for _ in range(2 * MOST):
        happened.add(1)
    assert happened.count(1) == MOST


def test_uptime_is_of_the_last_hour_and_begins_with_the_first_connection() -> None:
    uptime = Uptime()
    uptime.down(5)
    assert uptime.percent(10) is None
    uptime.up(100)
    assert uptime.percent(100) == 100.0
    uptime.down(150)
    assert uptime.percent(200) == 50.0
    uptime.up(200)
    assert uptime.percent(300) == 75.0
    uptime.down(100 + NS_PER_HOUR)
    assert uptime.percent(100 + NS_PER_HOUR + NS_PER_HOUR // 2) == 50.0
    assert uptime.percent(100 + 3 * NS_PER_HOUR) == 0.0


def test_the_first_event_after_a_stale_silence_follows_a_gap() -> None:
    """The connection never broke, but its losses are unknown."""
    session = Session(["quote", "book"], 0, frozenset({"book"}))
    for channel in ("quote", "book"):
        session.subscribed(channel, 0)
        session.event(channel, 5, 0)
    session.overdue(NS_PER_S, lambda _: 1)
    assert session.event("quote", 6, 0) is None
    for second in range(2, QUOTE.first_ns // NS_PER_S + 4):
        session.overdue(second * NS_PER_S, lambda _, count=second: count)
    assert session.state == "stale"
    gap = session.event("quote", 9, 0)
    assert gap is not None
    assert (gap.from_id, gap.to_id) == (6, 9)
    assert gap.reason == "silent for more than 30 s, then resumed"
    assert session.event("quote", 10, 0) is None
    assert session.event("book", 9, 0) is None  # its source finds every hole


def test_a_sign_of_life_that_is_no_event_ends_a_stale_silence_without_a_gap() -> None:
    watched = Watched()
    watched.run(3, every_s=1)
    watched.run(QUOTE.first_ns // NS_PER_S + 2)
    assert watched.session.state == "stale"
    watched.session.alive("quote")
    assert watched.session.event("quote", 2, 0) is None

"""The watchdog's decisions, and its protocol with supervisord."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.supervision.watchdog import (
    FIRST_STATUS_S,
    RESTARTS,
    RETRY_FATAL_AFTER_S,
    SILENT_AFTER_S,
    STUCK_AFTER_S,
    STUCK_AFTER_TRIES,
    WITHIN_S,
    ObservedProcess,
    RestartAction,
    Watchdog,
    receives,
)

TICK_S = 5


class Farm:
    """Workers with statuses set by the test, checked every five seconds."""

    def __init__(self, count: int) -> None:
        self.names = [f"feed-{number}" for number in range(count)]
        self.states = dict.fromkeys(self.names, "live")
        self.supervisor = dict.fromkeys(self.names, "RUNNING")
        self.pids = {name: 100 + number for number, name in enumerate(self.names)}
        self.silent: set[str] = set()
        self.waits: set[str] = set()
        self.tries = STUCK_AFTER_TRIES
        self.received: dict[str, float] = {}
        self.watchdog = Watchdog()
        self.notes: list[str] = []
        self.now_s = 1000.0

    def run(self, seconds: float) -> list[RestartAction]:
        """Advance the time; an ended process restarts under a new pid, still silent if it was."""
        done = []
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += TICK_S
            for name in self.names:
                if name not in self.silent:
                    self.received[name] = self.now_s
            actions = self.watchdog.check(
                [
                    ObservedProcess(name, self.pids[name], self.supervisor[name], "binanceusdm",
                            self.states[name], self.received.get(name), self.tries,
                            name in self.waits)
                    for name in self.names
                ],
                self.now_s,
            )  # fmt: skip
            for action in actions:
                assert action.pid == self.pids[action.name]
                self.pids[action.name] += 1000
                self.received.pop(action.name, None)
            done += actions
            self.notes += self.watchdog.notes
            self.watchdog.notes.clear()
        return done


def test_a_worker_that_is_silent_is_killed_within_three_ticks_and_no_other() -> None:
    farm = Farm(5)
    farm.run(60)
    farm.silent = {"feed-2"}
    assert farm.run(SILENT_AFTER_S) == []
    (action,) = farm.run(TICK_S)
    assert (action.name, action.how, action.pid) == ("feed-2", "kill", 102)


def test_a_lone_worker_that_is_silent_is_killed_too() -> None:
    farm = Farm(1)
    farm.run(20)
    farm.silent = {"feed-0"}
    assert [action.how for action in farm.run(20)] == ["kill"]


def test_a_worker_that_has_just_started_has_time_for_its_first_message() -> None:
    farm = Farm(1)
    farm.silent = {"feed-0"}
    assert farm.run(FIRST_STATUS_S) == []
    assert [action.how for action in farm.run(2 * TICK_S)] == ["kill"]


def test_a_worker_that_was_restarted_has_time_for_its_first_message_again() -> None:
    farm = Farm(1)
    farm.run(20)
    farm.silent = {"feed-0"}
    assert len(farm.run(20)) == 1
    assert farm.run(FIRST_STATUS_S - TICK_S) == []


def test_a_worker_that_a_kill_does_not_end_is_killed_again_only_after_a_while() -> None:
    watchdog = Watchdog()
    seen = [ObservedProcess("a", 1, "RUNNING", "x", "live", received_s=0)]
    actions = [(now_s, watchdog.check(seen, now_s)) for now_s in range(0, 60, TICK_S)]
    assert [now_s for now_s, action in actions if action] == [15, 30, 45]


def test_a_worker_that_gets_nothing_for_too_long_is_asked_to_end() -> None:
    farm = Farm(3)
    farm.states["feed-1"] = "stale"
    assert farm.run(STUCK_AFTER_S) == []
    (action,) = farm.run(2 * TICK_S)
    assert (action.name, action.how) == ("feed-1", "end")


def test_a_worker_that_has_not_yet_reconnected_is_left_alone() -> None:
    watchdog = Watchdog()
    feeds = [ObservedProcess("a", 1, "RUNNING", "x", "stale", tries=STUCK_AFTER_TRIES - 1),
             ObservedProcess("b", 2, "RUNNING", "x", "live"),
             ObservedProcess("c", 3, "RUNNING", "x", "live")]  # fmt: skip
    for now_s in range(0, 3 * int(STUCK_AFTER_S), TICK_S):
        seen = [ObservedProcess(**{**_fields(feed), "received_s": now_s}) for feed in feeds]
        assert watchdog.check(seen, now_s) == []


def test_a_worker_whose_quotes_flow_is_not_restarted_for_its_book() -> None:
    watchdog = Watchdog()
    for now_s in range(0, 10 * int(STUCK_AFTER_S), TICK_S):
        failing = ObservedProcess(
            "a", 1, "RUNNING", "x", "resync", now_s, STUCK_AFTER_TRIES, receives=True
        )
        assert watchdog.check([failing], now_s) == []
    assert watchdog.notes == []  # nor is the exchange down for it


def test_a_symbol_that_is_not_traded_is_not_restarted_and_no_sign_of_an_exchange_down() -> None:
    watchdog = Watchdog()
    actions = []
    for now_s in range(0, 10 * int(STUCK_AFTER_S), TICK_S):
        dead = [
            ObservedProcess(name, 1, "RUNNING", "x", "stale", now_s, 9, traded=False)
            for name in ("a", "b", "c")
        ]
        stuck = ObservedProcess("d", 2, "RUNNING", "x", "stale", now_s, STUCK_AFTER_TRIES)
        live = ObservedProcess("e", 3, "RUNNING", "x", "live", now_s)
        actions += watchdog.check([*dead, stuck, live], now_s)
    assert {action.name for action in actions} == {"d"}
    assert not any("down" in note for note in watchdog.notes)


def test_a_worker_whose_symbol_was_not_listed_is_started_again_after_growing_pauses() -> None:
    watchdog = Watchdog()
    ended = ObservedProcess("a", 0, "EXITED", "x", unlisted=True)
    starts = [
        now_s for now_s in range(0, 4 * 3600, TICK_S) if watchdog.check([ended], float(now_s))
    ]
    assert starts == [60, 120, 180, 240, 300, 420, 660, 1140, 2100, 4020, 7620, 11220]
    live = ObservedProcess("a", 5, "RUNNING", "x", "live", 4 * 3600.0)
    assert watchdog.check([live], 4 * 3600.0) == []
    assert watchdog.check([ended], 4 * 3600.0 + 5) == []
    (action,) = watchdog.check([ended], 4 * 3600.0 + 65)
    assert (action.how, action.why) == (
        "start", "the exchange did not list its symbol, and may do so by now",
    )  # fmt: skip


def channel(state: str, age_ms: int | None) -> dict[str, object]:
    return {"state": state, "age_ms": age_ms}


def test_a_worker_receives_data_while_a_live_channel_had_an_event_lately() -> None:
    assert receives({"book": channel("resync", None), "quote": channel("live", 100)})
    assert not receives({"book": channel("resync", 100), "quote": channel("stale", 100)})
    # Without events such channels are live as soon as they are subscribed to.
    assert not receives({"quote": channel("stale", None), "trade": channel("live", None)})
    assert not receives({"quote": channel("stale", None), "trade": channel("live", 500_000)})


def _fields(process: ObservedProcess) -> dict[str, object]:
    return {name: getattr(process, name) for name in process.__slots__}


def test_a_worker_that_recovers_resets_its_restart_count() -> None:
    farm = Farm(3)
    for _ in range(5):
        farm.states["feed-1"] = "stale"
        assert farm.run(STUCK_AFTER_S - TICK_S) == []
        farm.states["feed-1"] = "live"
        assert farm.run(TICK_S) == []


def test_a_worker_is_restarted_at_most_three_times_in_ten_minutes_and_that_is_reported_once() -> (
    None
):
    farm = Farm(3)
    farm.states["feed-1"] = "stale"
    actions = farm.run(WITHIN_S)
    assert len(actions) == RESTARTS
    assert len([note for note in farm.notes if "restarted 3 times" in note]) == 1


def test_a_worker_that_restarts_do_not_fix_is_restarted_ever_less_until_it_is_live() -> None:
    farm = Farm(3)
    farm.states["feed-1"] = "stale"
    counts = [len(farm.run(WITHIN_S)) for _ in range(12)]
    assert counts[0] == RESTARTS
    assert sum(counts[1:]) <= 2 * RESTARTS
    farm.states["feed-1"] = "live"
    farm.run(WITHIN_S * 12)
    farm.states["feed-1"] = "stale"
    assert len(farm.run(WITHIN_S)) == RESTARTS


def test_books_that_all_wait_for_snapshots_are_an_exchange_that_is_down() -> None:
    farm = Farm(5)
    farm.states = dict.fromkeys(farm.names, "resync")
    assert farm.run(2 * STUCK_AFTER_S) == []
    assert len(farm.notes) == 1


@pytest.mark.parametrize("state", ["resync", "starting"])
def test_a_worker_that_never_tries_to_connect_is_asked_to_end(state: str) -> None:
    farm = Farm(3)
    farm.tries = 0
    farm.states["feed-1"] = state
    assert [action.how for action in farm.run(STUCK_AFTER_S + 20)] == ["end"]


def test_a_worker_waiting_for_a_shared_limit_is_neither_hung_nor_an_outage() -> None:
    farm = Farm(5)
    farm.waits = set(farm.names[:4])
    for name in farm.waits:
        farm.states[name] = "reconnecting"
    farm.run(20)
    farm.silent = {"feed-4"}
    assert [action.name for action in farm.run(STUCK_AFTER_S)] == ["feed-4"]
    assert farm.notes == []


def test_while_most_workers_receive_nothing_none_is_restarted_and_one_note_is_made() -> None:
    farm = Farm(5)
    farm.run(20)
    for name in farm.names[:3]:
        farm.states[name] = "reconnecting"
    farm.silent = {"feed-4"}
    assert farm.run(2 * WITHIN_S) == []
    assert farm.notes == [
        (
            "binanceusdm: 3 of 5 feeds receive nothing: the exchange or the network is down; "
            "none is restarted until most receive data again"
        )
    ]
    for name in farm.names:
        farm.states[name] = "live"
    farm.silent = set()
    farm.run(20)
    assert farm.notes[1:] == ["binanceusdm: most feeds receive data again"]


def test_half_of_the_workers_is_not_most() -> None:
    farm = Farm(4)
    farm.states["feed-0"] = farm.states["feed-1"] = "stale"
    assert {action.name for action in farm.run(STUCK_AFTER_S + 20)} == {"feed-0", "feed-1"}


def test_one_exchange_that_is_down_does_not_protect_the_workers_of_another() -> None:
    watchdog = Watchdog()
    actions = []
    for now_s in range(0, 200, TICK_S):
        actions += watchdog.check(
            [
                ObservedProcess("a", 1, "RUNNING", "down", "stale", now_s, 9),
                ObservedProcess("b", 2, "RUNNING", "up", "stale", now_s, 9),
                ObservedProcess("c", 3, "RUNNING", "up", "live", now_s),
            ],
            now_s,
        )
    assert {action.name for action in actions} == {"b"}


def test_of_many_silent_workers_a_quarter_at_most_is_killed_at_a_time() -> None:
    farm = Farm(20)
    farm.run(20)
    farm.silent = set(farm.names)
    farm.run(SILENT_AFTER_S)
    first = farm.run(TICK_S)
    assert len(first) == 5
    farm.silent = set()
    assert farm.run(60) == []


def test_a_manually_stopped_worker_stays_stopped() -> None:
    farm = Farm(2)
    farm.supervisor["feed-0"] = "STOPPED"
    farm.silent = {"feed-0"}
    assert farm.run(WITHIN_S) == []


def test_a_program_supervisord_gave_up_is_restarted_after_a_minute_at_most_three_times() -> None:
    farm = Farm(2)
    farm.supervisor["feed-0"] = "FATAL"
    assert farm.run(RETRY_FATAL_AFTER_S) == []
    assert [action.how for action in farm.run(RETRY_FATAL_AFTER_S)] == ["start"]
    assert len(farm.run(WITHIN_S - 3 * RETRY_FATAL_AFTER_S)) == 2


@given(st.lists(st.sampled_from(["live", "stale", "reconnecting", "mute"]), max_size=200))
def test_whatever_a_worker_does_it_is_not_restarted_more_often_than_allowed(
    states: list[str],
) -> None:
    farm = Farm(3)
    times: list[float] = []
    for state in states:
        farm.silent = {"feed-0"} if state == "mute" else set()
        if state != "mute":
            farm.states["feed-0"] = state
        times += [farm.now_s for _ in farm.run(6 * TICK_S)]
    for first, last in zip(times, times[RESTARTS:], strict=False):
        assert last - first >= WITHIN_S - 6 * TICK_S

"""Audit of states: closed connections, silences and crashes."""

from __future__ import annotations

from typing import Any

import pytest
from unit.audit.handmade_logs import (
    STATUS,
    audited,
    client_state,
    counts,
    mark,
    status_seen,
    trade_seen,
    trade_sent,
)  # fmt: skip

TRUTH = [trade_sent(1, 0.1)]
Changes = list[tuple[float, str]]


def plain(changes: Changes, end_s: float = 200.0, stale_after_s: float = 30.0) -> list[Any]:
    """Return a plain recording with a heartbeat a second, and at each change."""
    times = sorted({*map(float, range(1, int(end_s))), *(s for s, _ in changes)})
    lines, state = [trade_seen(1, 1, 0.2)], "live"
    for seq, s in enumerate(times, 1):
        state = next((new for at_s, new in reversed(changes) if at_s <= s), "live")
        lines.append(status_seen(seq, s, state, stale_after_s=stale_after_s))
    return lines


def judged(marks: list[Any], changes: Changes, **more: Any) -> dict[str, int]:
    found = audited([*TRUTH, *marks], plain(changes, **more), by_client=False)
    return counts(found, STATUS)


CLOSED = [mark("closed", 10, by="exchange"), mark("opened", 12, by="client")]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([(10.1, "reconnecting"), (13.0, "live")], {}),
        ([(12.6, "reconnecting"), (13.0, "live")], {"late": 1}),
        ([], {"never": 1}),
        ([(10.1, "reconnecting"), (73.0, "live")], {"late": 1}),
        ([(10.1, "reconnecting")], {"never": 1}),
    ],
)
def test_a_closed_connection_shows_at_once_and_is_over_within_a_minute(
    changes: Changes, found: dict[str, int]
) -> None:
    assert judged(CLOSED, changes) == found


def test_a_connection_closed_by_the_client_need_not_show() -> None:
    assert judged([mark("closed", 10, by="client")], []) == {}


def test_a_disconnect_need_not_show_while_another_connection_carries_the_same() -> None:
    beside = mark("opened", 9, connection=2)
    end = mark("closed", 10, by="exchange")
    assert judged([mark("opened", 1), beside, end], []) == {}
    both = [mark("opened", 1), beside, end, mark("closed", 11, connection=2, by="exchange")]
    assert judged(both, []) == {"never": 1}
    of_another = mark("opened", 9, ("ethusdt@trade",), connection=2)
    assert judged([mark("opened", 1), of_another, end], []) == {"never": 1}
    restarted = mark("opened", 9.5)  # of a new run of the exchange: connection 2 was of the old one
    assert judged([beside, restarted, end], []) == {"never": 1}


def test_nothing_is_required_of_a_recording_that_ends_too_early() -> None:
    assert judged([mark("closed", 10, by="exchange")], [], end_s=12) == {}


def silenced(fault: str, until_s: float) -> list[Any]:
    """Return a fault's marks, and the event that it swallowed."""
    return [
        mark("fault", 10, (), fault=fault, connection=None),
        {**trade_sent(1, 11), "swallowed": fault},
        mark("clear", until_s, (), fault=fault, connection=None),
    ]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([(41.0, "stale"), (101.0, "live")], {}),
        ([(71.0, "stale"), (101.0, "live")], {"late": 1}),
        ([], {"never": 1}),
    ],
)
def test_a_silent_connection_shows_within_twice_its_channels_limit(
    changes: Changes, found: dict[str, int]
) -> None:
    assert judged(silenced("stall", 100), changes) == found


def test_a_fault_that_ends_before_its_limit_need_not_show() -> None:
    assert judged(silenced("mute", 30), []) == {}


def test_a_fault_that_leaves_the_data_alone_need_not_show() -> None:
    assert judged(silenced("drop", 100), []) == {}
    nothing_swallowed = [one for one in silenced("stall", 100) if "mark" in one]
    assert judged(nothing_swallowed, []) == {}


def test_another_symbols_connection_does_not_concern_the_feed() -> None:
    assert judged([mark("closed", 10, ("ethusdt@trade",), by="exchange")], []) == {}


def test_a_mark_without_streams_concerns_those_of_its_connection() -> None:
    assert judged([mark("closed", 10, (), by="exchange")], []) == {"never": 1}


def test_a_client_is_judged_by_the_states_it_reports() -> None:
    lines = [*plain([]), client_state("live", 1.5)]
    lines += [client_state("reconnecting", 10.2), client_state("live", 12.2)]
    recorded = sorted(lines, key=lambda line: line["ns"])
    assert counts(audited([*TRUTH, *CLOSED], recorded), STATUS) == {}
    silent = [line for line in recorded if line.get("state") != "reconnecting"]
    assert counts(audited([*TRUTH, *CLOSED], silent), STATUS) == {"never": 1}


def test_a_client_reports_stale_when_the_heartbeats_end() -> None:
    beats = [*plain([], end_s=10), client_state("live", 1.5)]
    after = [trade_seen(1, 2, 30)]
    del after[0]["topic"]  # a line with nothing but the time
    after[0]["end"] = "SIGTERM"

    def found(*told: Any) -> dict[str, int]:
        lines = sorted([*beats, *told, *after], key=lambda line: line["ns"])
        return counts(audited(TRUTH, lines), STATUS)

    assert found(client_state("stale", 11.6)) == {}
    assert found(client_state("stale", 13.6)) == {"late": 1}
    assert found() == {"never": 1}

"""What the judge makes of what a client says."""

from __future__ import annotations

import pytest

from feedd.conformance.judge import Expected, Line, Told

FEED = "x.A."
TOPIC = f"quote.{FEED}"


def said(*lines: str, at_s: float = 0.0) -> list[Line]:
    return [Line(at_s, tuple(line.split())) for line in lines]


def ticks(*seqs: int, session: int = 1) -> list[Told]:
    return [Told(session, seq, "tick") for seq in seqs]


def told(*seqs: int, session: int = 1) -> list[str]:
    return [f"TICK {TOPIC} {session} {seq}" for seq in seqs]


EXPECTED = Expected(topics={TOPIC: [*ticks(1, 2), Told(1, 3, "gap"), Told(1, 4, "gap"), *ticks(5)]})
GOOD = [*told(1, 2), f"GAP {TOPIC} 1 3 4", *told(5)]


def test_the_very_ticks_and_gaps_in_their_order_are_right() -> None:
    assert EXPECTED.wrong(said(*GOOD)) == []
    assert (
        EXPECTED.wrong(said(*GOOD[:2], f"GAP {TOPIC} 1 3 3", f"GAP {TOPIC} 1 4 4", GOOD[3])) == []
    )


@pytest.mark.parametrize(
    "lines",
    [
        [],
        GOOD[:-1],
        [*GOOD, *told(6)],
        [*told(1, 1, 2), *GOOD[2:]],
        [*told(2, 1), *GOOD[2:]],
        [*told(1, 2, 5), GOOD[2]],
        told(1, 2, 5),
        told(1, 2, 3, 4, 5),
        [*told(1, 2), f"GAP {TOPIC} 1 3 3", *told(5)],
        [*told(1, 2), f"GAP {TOPIC} 1 3 5", *told(5)],
        [*GOOD, "TICK quote.x.B. 1 1"],
        [*GOOD, "TICK quote.x.A. 1"],
        [*GOOD, "TICK quote.x.A. 1 one"],
        [*GOOD, f"GAP {TOPIC} 1 9 8"],
        [*GOOD, f"GAP {TOPIC} 1 9 999999999999"],
        [*GOOD, "Traceback (most recent call last):"],
        [*GOOD, f"STATE {FEED} stale"],
        [*GOOD, f"UPSTREAM {FEED} quote 1 2"],
        [*GOOD, f"STOPPED {FEED} 1"],
        [*GOOD, f"SESSION {FEED} 1 2"],
    ],
)
def test_whatever_else_is_wrong(lines: list[str]) -> None:
    assert EXPECTED.wrong(said(*lines))


def test_a_failure_shows_the_expected_and_the_received_line() -> None:
    (sentence,) = EXPECTED.wrong(said(*told(1, 2, 5)))
    assert sentence == f"{TOPIC}: expected GAP 1 3, GAP 1 4, TICK 1 5; came TICK 1 5"


def test_a_session_notice_comes_between_the_old_and_the_new_ticks() -> None:
    expected = Expected(topics={TOPIC: [*ticks(1), *ticks(1, session=2)]}, sessions=[(FEED, 1, 2)])
    old, new, between = told(1)[0], told(1, session=2)[0], f"SESSION {FEED} 1 2"
    assert expected.wrong(said(old, between, new)) == []
    for lines in ([between, old, new], [old, new, between], [old, new], [old, between, between]):
        assert expected.wrong(said(*lines))


def test_stale_is_reported_neither_early_nor_late_nor_for_another_feed() -> None:
    expected = Expected(stale=[(FEED, 100.0)])
    for after_s, right in ((1.9, False), (2.5, True), (3.9, True), (4.1, False)):
        lines = said(f"STATE {FEED} stale", at_s=100.0 + after_s)
        assert (expected.wrong(lines) == []) is right
    assert expected.wrong([])
    assert expected.wrong(said("STATE x.B. stale", at_s=102.5))
    assert expected.wrong(said(f"STATE {FEED} stale", f"STATE {FEED} stale", at_s=102.5))


def test_live_again_counts_from_the_first_heartbeat_on() -> None:
    expected = Expected(live_again=[(FEED, 100.0)])
    assert expected.wrong(said(f"STATE {FEED} live", at_s=99.0))
    assert expected.wrong(said(f"STATE {FEED} live", at_s=100.1)) == []


def test_ignored_lines_are_optional() -> None:
    expected = Expected(ignored={TOPIC})
    assert expected.wrong([]) == []
    assert expected.wrong(said(*told(1, 9, 2))) == []


def test_a_feed_whose_heartbeats_were_late_by_our_own_fault_may_be_called_stale() -> None:
    lines = said(f"STATE {FEED} stale", at_s=90.0)
    assert Expected().wrong(lines)
    assert Expected(excused={FEED}).wrong(lines) == []
    assert Expected(excused={FEED}, stale=[(FEED, 100.0)]).wrong(lines) == []
    assert Expected(excused={FEED}, stale=[(FEED, 100.0)]).wrong([])

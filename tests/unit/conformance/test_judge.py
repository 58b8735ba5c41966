"""The judge's verdicts on a client's output."""

from __future__ import annotations

import pytest

from feedd.conformance.judge import Expected, OutputLine, ReportedMessage

FEED = "x.A."
TOPIC = f"quote.{FEED}"


def lines_of(*lines: str, at_s: float = 0.0) -> list[OutputLine]:
    return [OutputLine(at_s, tuple(line.split())) for line in lines]


def ticks(*seqs: int, session: int = 1) -> list[ReportedMessage]:
    return [ReportedMessage(session, seq, "tick") for seq in seqs]


def tick_lines(*seqs: int, session: int = 1) -> list[str]:
    return [f"TICK {TOPIC} {session} {seq}" for seq in seqs]


EXPECTED = Expected(
    topics={
        TOPIC: [*ticks(1, 2), ReportedMessage(1, 3, "gap"), ReportedMessage(1, 4, "gap"), *ticks(5)]
    }
)
GOOD = [*tick_lines(1, 2), f"GAP {TOPIC} 1 3 4", *tick_lines(5)]


def test_exactly_the_expected_ticks_and_gaps_in_order_pass() -> None:
    assert EXPECTED.wrong(lines_of(*GOOD)) == []
    assert (
        EXPECTED.wrong(lines_of(*GOOD[:2], f"GAP {TOPIC} 1 3 3", f"GAP {TOPIC} 1 4 4", GOOD[3]))
        == []
    )


@pytest.mark.parametrize(
    "lines",
    [
        [],
        GOOD[:-1],
        [*GOOD, *tick_lines(6)],
        [*tick_lines(1, 1, 2), *GOOD[2:]],
        [*tick_lines(2, 1), *GOOD[2:]],
        [*tick_lines(1, 2, 5), GOOD[2]],
        tick_lines(1, 2, 5),
        tick_lines(1, 2, 3, 4, 5),
        [*tick_lines(1, 2), f"GAP {TOPIC} 1 3 3", *tick_lines(5)],
        [*tick_lines(1, 2), f"GAP {TOPIC} 1 3 5", *tick_lines(5)],
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
def test_any_other_output_fails(lines: list[str]) -> None:
    assert EXPECTED.wrong(lines_of(*lines))


def test_a_failure_shows_the_expected_and_the_received_line() -> None:
    (sentence,) = EXPECTED.wrong(lines_of(*tick_lines(1, 2, 5)))
    assert sentence == f"{TOPIC}: expected GAP 1 3, GAP 1 4, TICK 1 5; received TICK 1 5"


def test_a_session_notice_comes_between_the_old_and_the_new_ticks() -> None:
    expected = Expected(topics={TOPIC: [*ticks(1), *ticks(1, session=2)]}, sessions=[(FEED, 1, 2)])
    old, new, between = tick_lines(1)[0], tick_lines(1, session=2)[0], f"SESSION {FEED} 1 2"
    assert expected.wrong(lines_of(old, between, new)) == []
    for lines in ([between, old, new], [old, new, between], [old, new], [old, between, between]):
        assert expected.wrong(lines_of(*lines))


def test_stale_is_reported_neither_early_nor_late_nor_for_another_feed() -> None:
    expected = Expected(stale=[(FEED, 100.0)])
    for after_s, right in ((1.9, False), (2.5, True), (3.9, True), (4.1, False)):
        lines = lines_of(f"STATE {FEED} stale", at_s=100.0 + after_s)
        assert (expected.wrong(lines) == []) is right
    assert expected.wrong([])
    assert expected.wrong(lines_of("STATE x.B. stale", at_s=102.5))
    assert expected.wrong(lines_of(f"STATE {FEED} stale", f"STATE {FEED} stale", at_s=102.5))


def test_a_state_is_reported_once_until_it_changes() -> None:
    live, stale = f"STATE {FEED} live", f"STATE {FEED} stale"
    assert Expected().wrong(lines_of(live, f"STATE {FEED} resync", live)) == []
    assert Expected().wrong(lines_of(live, "STATE x.B. live")) == []
    (sentence,) = Expected().wrong(lines_of(live, live, live))
    assert sentence == f"{live} was reported again without a change"
    assert Expected(stale=[(FEED, 0.0)]).wrong(lines_of(live, stale, live, at_s=2.5)) == []


def test_live_again_counts_from_the_first_heartbeat_on() -> None:
    expected = Expected(live_again=[(FEED, 100.0)])
    assert expected.wrong(lines_of(f"STATE {FEED} live", at_s=99.0))
    assert expected.wrong(lines_of(f"STATE {FEED} live", at_s=100.1)) == []


def test_ignored_lines_are_optional() -> None:
    expected = Expected(ignored={TOPIC})
    assert expected.wrong([]) == []
    assert expected.wrong(lines_of(*tick_lines(1, 9, 2))) == []


def test_a_feed_whose_heartbeats_were_late_by_our_own_fault_may_be_reported_stale() -> None:
    lines = lines_of(f"STATE {FEED} stale", at_s=90.0)
    assert Expected().wrong(lines)
    assert Expected(excused={FEED}).wrong(lines) == []
    assert Expected(excused={FEED}, stale=[(FEED, 100.0)]).wrong(lines) == []
    assert Expected(excused={FEED}, stale=[(FEED, 100.0)]).wrong([])

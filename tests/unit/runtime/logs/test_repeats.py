"""Repeated warnings: the first are written, the others are one line when the window is over."""

from typing import Any

import pytest
from structlog import DropEvent

from feedd.clock import Clock
from feedd.runtime.logs.repeats import RepeatFilter


class SetClock(Clock):
    """A clock that shows the time it is set to."""

    now_s = 100.0

    def monotonic_s(self) -> float:
        return self.now_s


def passes(
    repeats: RepeatFilter, event: str = "gap", level: str = "warning", **fields: Any
) -> bool:
    try:
        repeats(None, level, {"event": event, **fields})
    except DropEvent:
        return False
    return True


def test_the_first_five_pass_and_the_others_are_one_line_when_the_window_is_over() -> None:
    clock = SetClock()
    repeats = RepeatFilter(clock)
    passed = []
    for number in range(20):
        clock.now_s += 1
        passed.append(passes(repeats, number=number))
    assert passed == [True] * 5 + [False] * 15
    clock.now_s = 160.9
    assert repeats.summaries() == []
    clock.now_s = 161.0
    line = {"event": "gap", "number": 19, "repeated": 15, "within_s": 60}
    assert repeats.summaries() == [("warning", line)]
    assert repeats.summaries() == []


def test_five_or_fewer_leave_no_line_behind() -> None:
    clock = SetClock()
    repeats = RepeatFilter(clock)
    assert all(passes(repeats) for _ in range(5))
    clock.now_s += 61
    assert repeats.summaries(everything=True) == []


def test_after_a_window_the_next_one_begins_whether_or_not_it_was_queried_in_between() -> None:
    clock = SetClock()
    repeats = RepeatFilter(clock)
    assert sum(passes(repeats) for _ in range(8)) == 5
    clock.now_s += 60
    assert sum(passes(repeats) for _ in range(9)) == 5
    assert [line["repeated"] for _, line in repeats.summaries()] == [3]
    clock.now_s += 60
    assert [line["repeated"] for _, line in repeats.summaries()] == [4]


def test_levels_and_events_are_counted_apart_and_information_is_not_counted() -> None:
    repeats = RepeatFilter(SetClock())
    for event in ("gap", "state"):
        for level in ("warning", "error", "critical"):
            assert sum(passes(repeats, event, level) for _ in range(7)) == 5
    assert all(passes(repeats, level="info") for _ in range(50))


def test_an_unfinished_window_is_reported_with_its_length_at_the_end() -> None:
    clock = SetClock()
    repeats = RepeatFilter(clock)
    for _ in range(6):
        passes(repeats)
    clock.now_s += 12.4
    assert repeats.summaries(everything=True) == [
        ("warning", {"event": "gap", "repeated": 1, "within_s": 12})
    ]


def test_kinds_are_bounded_and_the_oldest_is_closed_early() -> None:
    repeats = RepeatFilter(SetClock(), kinds=10)
    for _ in range(7):
        passes(repeats, "first")
    for number in range(1000):
        assert passes(repeats, f"kind {number}")
    assert len(repeats._windows) == 10
    assert [line["event"] for _, line in repeats.summaries()] == ["first"]


@pytest.mark.parametrize("as_true", [True, False])
def test_an_error_that_is_kept_is_text_and_holds_no_frame(as_true: bool) -> None:
    repeats = RepeatFilter(SetClock())
    for _ in range(6):
        try:
            raise ValueError("out of step")
        except ValueError as error:
            passes(repeats, exc_info=True if as_true else error)
    ((_, line),) = repeats.summaries(everything=True)
    assert line == {"event": "gap", "exception": "ValueError: out of step", "repeated": 1,
                    "within_s": 0}  # fmt: skip

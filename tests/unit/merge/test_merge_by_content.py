"""Events without an id, of several lines, as one stream: each once, by its content."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from feedd.merge import by_content as merging
from feedd.merge.by_content import ContentMerge

GONE = "the connection was replaced"


class World:
    """A merge and its output; an event is its content."""

    def __init__(self, *lines: str) -> None:
        self.merged: list[Any] = []
        self.gaps: list[str] = []
        self.merge = ContentMerge(self.merged.append, lambda *gap: self.gaps.append(gap[2]))
        for line in lines:
            self.merge.opened(line)

    def take(self, line: Any, *contents: Any) -> None:
        for content in contents:
            self.merge.take(line, content, (content if isinstance(content, int) else 0,), content)


def in_step(*contents: Any) -> World:
    """Return two lines that have delivered the same events."""
    world = World("a", "b")
    for line in "ab":
        world.take(line, *contents)
    return world


def test_two_events_of_one_time_are_both_emitted_once() -> None:
    world = in_step("t0")
    for line in "ab":
        world.take(line, ("t1", "x"), ("t1", "y"))
    assert (world.merged, world.gaps) == (["t0", ("t1", "x"), ("t1", "y")], [])


def test_an_event_behind_a_later_one_is_emitted_once() -> None:
    """A candle may close after the next one has begun."""
    world = in_step("12:00 open")
    world.take("a", "12:01 open")
    world.take("b", "12:01 open", "12:00 closed")
    world.take("a", "12:00 closed", "12:01 moves")
    world.take("b", "12:01 moves")
    assert world.merged == ["12:00 open", "12:01 open", "12:00 closed", "12:01 moves"]
    assert world.gaps == []


def test_equal_events_on_one_line_are_as_many_events() -> None:
    world = in_step("x")
    world.take("a", "liquidation", "liquidation")
    world.take("b", "liquidation", "liquidation", "liquidation")
    world.take("a", "liquidation")
    assert world.merged == ["x", *["liquidation"] * 3]


def test_equal_events_of_one_line_only_are_as_many_events() -> None:
    world = World("a")
    world.take("a", "x", "x")
    assert world.merged == ["x", "x"]


def test_what_one_line_lacks_the_other_delivers() -> None:
    world = in_step(1)
    world.take("a", 2, 4)
    world.take("b", 2, 3, 4)
    assert (world.merged, world.gaps) == ([1, 2, 4, 3], [])


def test_a_line_that_is_ahead_waits_until_the_others_have_reached_where_it_began() -> None:
    world = World("old")
    world.take("old", 1)
    world.merge.opened("new")
    world.take("new", 4, 5)
    assert not world.merge.goes_on_with("new")
    world.take("old", 2, 3)
    assert world.merged == [1, 2, 3]
    world.take("old", 4)
    assert world.merge.goes_on_with("new")
    assert (world.merged, world.gaps) == ([1, 2, 3, 4, 5], [])


def test_after_a_rotation_with_the_old_line_ahead_nothing_is_lost_or_doubled() -> None:
    world = World("old")
    world.take("old", 10)
    world.merge.opened("new")
    world.take("new", 20)
    world.take("old", 20, 30, 40)
    world.merge.replaces("new")
    world.merge.closed("old", GONE)
    world.take("new", 30, 40, 5, 6, 50)  # the exchange's clock steps back between
    assert (world.merged, world.gaps) == ([10, 20, 30, 40, 5, 6, 50], [])


def test_the_loss_of_the_only_line_that_was_whole_is_a_reported_gap() -> None:
    world = World("old")
    world.take("old", 1)
    world.merge.opened("new")
    world.take("new", 4)
    assert world.merge.closed("old", "it broke")
    world.take("new", 5)
    assert (world.merged, world.gaps) == ([1, 4, 5], ["it broke"])


def test_repeated_events_after_the_other_line_ends_leave_no_gap() -> None:
    world = World("old")
    world.take("old", 1)
    world.merge.opened("new")
    world.take("old", 2, 3)
    world.merge.closed("old", "it broke")
    world.take("new", 3, 4)
    assert (world.merged, world.gaps) == ([1, 2, 3, 4], [])


def test_the_loss_of_a_line_that_delivered_nothing_is_no_gap() -> None:
    world = World("a", "b")
    world.merge.closed("a", "it broke")
    world.take("b", 1)
    assert (world.merged, world.gaps) == ([1], [])


def test_a_quiet_line_that_takes_another_ones_place_as_planned_leaves_no_gap() -> None:
    world = World("old")
    world.take("old", 1)
    world.merge.opened("new")
    assert world.merge.goes_on_with("new")
    world.merge.replaces("new")
    world.merge.closed("old", GONE)
    world.take("new", 2)
    assert (world.merged, world.gaps) == ([1, 2], [])


def test_a_line_that_begins_with_the_newest_events_lacks_nothing_and_repeats_none() -> None:
    """A subscription brings the last ticker, or a page of old trades; the market is quiet."""
    world = World("a")
    world.take("a", 1000, 2000, 3000)
    world.merge.opened("b")
    world.take("b", 1000, 2000, 3000)
    for now_s in (0.0, 0.5, 1.0, 1.5):
        world.merge.overdue(now_s)
    assert world.merge.goes_on_with("b")
    assert world.merge.closed("a", GONE)
    world.take("b", 4000)
    assert (world.merged, world.gaps) == ([1000, 2000, 3000, 4000], [])


def test_a_line_that_others_do_not_reach_goes_on_after_a_second_with_a_gap() -> None:
    world = World("stalled")
    world.take("stalled", 1)
    world.merge.opened("new")
    world.take("new", 3)
    world.merge.overdue(100.0)
    world.merge.overdue(100.0 + merging.WAIT_S - 0.1)
    assert world.merged == [1]
    world.merge.overdue(100.0 + merging.WAIT_S)
    assert (world.merged, len(world.gaps)) == ([1, 3], 1)
    world.take("stalled", 2)  # older than what was emitted, and in the gap
    world.take("new", 4)
    assert world.merged == [1, 3, 4]
    world.take("stalled", 3, 4, 5)
    world.take("new", 5, 6)
    assert (world.merged, len(world.gaps)) == ([1, 3, 4, 5, 6], 1)


def test_a_line_that_was_passed_and_is_ahead_again_is_complete_again() -> None:
    world = World("stalled")
    world.take("stalled", 1)
    world.merge.opened("new")
    world.take("new", 3)
    world.merge.overdue(100.0)
    world.merge.overdue(101.0)
    world.take("stalled", 2, 4)
    world.take("new", 4)
    world.merge.closed("new", "it broke")
    world.take("stalled", 5)
    assert (world.merged, len(world.gaps)) == ([1, 3, 4, 5], 1)


def test_the_memory_of_a_line_that_never_delivers_is_bounded() -> None:
    world = in_step(0)
    world.take("a", *range(1, merging.MAX_OWED + 500))
    behind = world.merge._lines["b"]
    assert behind.owed.size == merging.MAX_OWED
    for now_s in (0.0, merging.OWED_S, 2 * merging.OWED_S):
        world.merge.overdue(now_s)
    assert behind.owed.size + behind.long_owed.size == 0


def test_the_held_back_events_are_bounded() -> None:
    world = World("stalled")
    world.take("stalled", 0)
    world.merge.opened("new")
    world.take("new", *range(10, 20 + merging.MAX_HELD))
    assert len(world.merged) > merging.MAX_HELD
    assert len(world.gaps) == 1


def test_copies_of_an_event_that_the_exchange_stamps_for_each_connection_are_one() -> None:
    world = World("a", "b")
    for second in range(20):
        at_ms = 1000 * second
        for line, lag in (("a", 0), ("b", (second * 37) % 100)):
            world.merge.take(line, "same", (at_ms + lag,), (second, line))
        for line, lag in (("a", 4), ("b", 5)):
            world.merge.take(line, "same", (at_ms + lag,), (second + 0.5, line))
    assert [second for second, _ in world.merged] == [half / 2 for half in range(40)]
    assert world.gaps == []


def test_an_equal_event_of_another_time_is_another_event() -> None:
    """A quiet market repeats its mark price every second."""
    world = in_step("first")
    world.merge.take("a", "same", (1000,), 1)  # which b lacks
    world.merge.take("b", "same", (1000 + merging.SAME_WITHIN_MS + 1,), 2)
    assert world.merged == ["first", 1, 2]


def test_equal_events_delivered_a_turn_of_the_memory_later_are_emitted_once() -> None:
    """An equal time is looked for among all events that a line owes, and then a near one."""
    world = in_step("first")
    world.merge.take("a", "same", (0,), 0)
    world.merge.overdue(0.0)
    for at_ms in (300, 600):
        world.merge.take("a", "same", (at_ms,), at_ms)
    for at_ms in (0, 300, 600):
        world.merge.take("b", "same", (at_ms,), at_ms)
    assert world.merged == ["first", 0, 300, 600]


def test_copies_stamped_for_each_connection_are_owed_in_their_order() -> None:
    world = in_step("first")
    world.merge.take("a", "same", (0,), 0)
    world.merge.overdue(0.0)
    for at_ms in (300, 600):
        world.merge.take("a", "same", (at_ms,), at_ms)
    for at_ms in (7, 307, 607):
        world.merge.take("b", "same", (at_ms,), at_ms)
    assert world.merged == ["first", 0, 300, 600]


def test_a_line_whose_events_are_others_than_those_of_a_working_line_is_not_emitted() -> None:
    world = World("a", "b")
    for tenth in range(100):
        world.merge.take("a", f"a{tenth}", (100 * tenth,), f"a{tenth}")
        world.merge.take("b", f"b{tenth}", (100 * tenth + 3,), f"b{tenth}")
        world.merge.overdue(tenth / 10)
    assert world.merged == [f"a{tenth}" for tenth in range(100)]
    assert world.gaps == []
    world.merge.closed("a", "it broke")
    world.merge.take("b", "b100", (10_003,), "b100")
    assert world.merged[100:] == ["b99", "b100"]
    assert world.gaps == ["it broke"]


@given(
    st.lists(st.sampled_from("ab"), min_size=1, max_size=80),
    st.lists(st.integers(0, 5), min_size=1, max_size=30),
)
def test_whatever_repeats_and_however_late_each_event_of_two_lines_is_emitted_once(
    order: list[str], contents: list[int]
) -> None:
    world = in_step("first")
    queues = {line: deque(contents) for line in "ab"}
    for line in [*order, *"ab" * 30]:
        if queues[line]:
            world.take(line, queues[line].popleft())
    assert Counter(world.merged) == Counter(["first", *contents])
    assert world.merged[1:] == contents
    assert world.gaps == []


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["open", "close", "wait", *["deliver"] * 6, *["produce"] * 3]),
                  st.integers(0, 2), st.integers(1, 6)),
        min_size=20,
        max_size=60,
    ),
)  # fmt: skip
def test_no_event_is_doubled_and_every_gap_is_reported(  # noqa: C901
    steps: list[tuple[str, int, int]],
) -> None:
    world = World()
    lines: dict[int, deque[int]] = {}
    newest = opened = 0
    now_s = 0.0
    lost: set[int] = set()  # last emitted before all lines were lost
    for what, which, count in steps:
        line = list(lines)[which % len(lines)] if lines else None
        if what == "open" and len(lines) < 3:
            opened += 1
            lines[opened] = deque()
            world.merge.opened(opened)
        elif what == "produce":
            for queue in lines.values():
                queue.extend(range(newest + 1, newest + count + 1))
            newest += count
        elif what == "wait":
            now_s += 0.7
            world.merge.overdue(now_s)
        elif line is not None and what == "close":
            del lines[line]
            if not world.merge.closed(line, "it broke"):
                lost.update(world.merged[-1:])
        elif line is not None and what == "deliver":
            for _ in range(min(count, len(lines[line]))):
                world.take(line, lines[line].popleft())
    assert len(set(world.merged)) == len(world.merged)
    missing = [
        one
        for one in range(min(world.merged, default=0), max(world.merged, default=0))
        if one not in world.merged
    ]
    if missing:
        assert world.gaps or lost

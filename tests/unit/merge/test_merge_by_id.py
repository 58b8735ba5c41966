"""Several lines as one stream: whole, once, in order."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from feedd.merge import by_id as merging
from feedd.merge.by_id import Merge


class Diff(NamedTuple):
    """An event with the id of its predecessor."""

    before: int
    last: int


class World:
    """A merge and its output."""

    def __init__(self, *lines: str) -> None:
        self.merged: list[int] = []
        self.diffs: list[Diff] = []
        self.gaps: list[tuple[int, int, str]] = []
        self.merge = Merge(
            self._take_merged, lambda *gap: self.gaps.append(gap), lambda one, other: one == other
        )
        for line in lines:
            self.merge.opened(line)

    def _take_merged(self, event: int | Diff) -> None:
        if isinstance(event, Diff):
            self.diffs.append(event)
        else:
            self.merged.append(event)

    def take(self, line: str, *keys: int) -> None:
        for key in keys:
            self.merge.take(line, key, None, key)

    def take_ids(self, line: str, *keys: int) -> None:
        for key in keys:
            self.merge.take(line, key, key - 1, key)


def test_the_first_arrival_is_delivered_and_the_second_dropped() -> None:
    world = World("a", "b")
    world.take("a", 10, 20)
    world.take("b", 10, 20, 30)
    assert world.merged == [10, 20, 30]
    world.take("a", 30, 40)
    world.take("b", 40)
    assert (world.merged, world.gaps) == ([10, 20, 30, 40], [])


def test_a_line_that_is_ahead_waits_until_the_others_have_reached_where_it_began() -> None:
    """Delivered at once, it would make the rest of the older line come too late."""
    world = World("old")
    world.take("old", 10)
    world.merge.opened("new")
    world.take("new", 40, 50)
    assert not world.merge.goes_on_with("new")
    world.take("old", 20, 30)
    assert world.merged == [10, 20, 30]
    world.take("old", 40)
    assert world.merge.goes_on_with("new")
    assert (world.merged, world.gaps) == ([10, 20, 30, 40, 50], [])


def test_the_loss_of_the_only_line_that_was_whole_is_a_hole_that_ends_in_the_next_event() -> None:
    world = World("old")
    world.take("old", 10)
    world.merge.opened("new")
    world.take("new", 40, 50)
    assert world.merge.closed("old", "it broke")
    world.take("new", 60)
    assert world.merged == [10, 40, 50, 60]
    assert world.gaps == [(10, 40, "it broke")]
    assert world.merge.only == "new"


def test_late_events_of_the_slower_connection_are_duplicates_after_the_faster_is_lost() -> None:
    world = World("fast", "slow")
    world.take("fast", 10, 20, 30)
    world.take("slow", 10)
    assert world.merge.closed("fast", "it broke")
    world.take("slow", 20, 30, 40)
    assert (world.merged, world.gaps) == ([10, 20, 30, 40], [])


def test_the_loss_of_one_of_two_whole_lines_is_no_hole() -> None:
    world = World("a", "b", "c")
    for line in "abc":
        world.take(line, 10)
    assert world.merge.closed("a", "it broke")
    world.take("b", 20)
    assert (world.merged, world.gaps) == ([10, 20], [])


def test_a_line_that_others_do_not_reach_goes_on_after_a_second_with_a_gap() -> None:
    world = World("stalled")
    world.take("stalled", 10)
    world.merge.opened("new")
    world.take("new", 30)
    world.merge.overdue(100.0)
    world.merge.overdue(100.0 + merging.WAIT_S - 0.1)
    assert world.merged == [10]
    world.merge.overdue(100.0 + merging.WAIT_S)
    world.take("stalled", 20)  # never backwards
    assert world.merged == [10, 30]
    assert [(start, end) for start, end, _ in world.gaps] == [(10, 30)]


def test_the_held_back_events_are_bounded() -> None:
    world = World("stalled")
    world.take("stalled", 1)
    world.merge.opened("new")
    world.take("new", *range(10, 20 + merging.MAX_HELD))
    assert world.merged[1] == 10
    assert len(world.merged) > merging.MAX_HELD


def test_a_gap_of_one_line_is_filled_by_the_other() -> None:
    world = World("a", "b")
    world.take_ids("a", 1, 2)
    world.take_ids("b", 1)
    world.take_ids("a", 5)  # 3 and 4 are missing there
    assert world.merged == [1, 2]
    world.take_ids("b", 2, 3, 4, 5, 6)
    assert world.merged == [1, 2, 3, 4, 5, 6]


def test_a_gap_on_both_connections_is_left_to_the_id_check() -> None:
    world = World("a", "b")
    world.take_ids("a", 1, 4)
    world.take_ids("b", 1, 4)
    world.take_ids("a", 5)
    assert (world.merged, world.gaps) == ([1, 4, 5], [])


def test_the_same_changes_cut_into_other_pieces_are_a_chain_too() -> None:
    world = World("a", "b")
    pieces = {"a": ((0, 10), (10, 20), (20, 30)), "b": ((5, 15), (15, 25), (25, 35))}
    for a, b in zip(pieces["a"], pieces["b"], strict=True):
        world.merge.take("a", a[1], a[0], Diff(*a))
        world.merge.take("b", b[1], b[0], Diff(*b))
    assert world.diffs == [(0, 10), (10, 15), (15, 20), (20, 25), (25, 30), (30, 35)]


def test_ids_may_restart_when_all_connections_are_lost() -> None:
    world = World("a")
    world.take("a", 1000)
    assert not world.merge.closed("a", "it broke")
    world.merge.opened("a2")
    world.merge.opened("b2")
    world.take("a2", 1, 2)
    assert (world.merged, world.gaps) == ([1000, 1, 2], [])


def test_of_two_lines_that_begin_together_the_one_that_is_ahead_waits_for_the_other() -> None:
    """Neither is known to be complete: the other repeats the events of the first."""
    world = World("a", "b")
    world.take("b", 1)
    world.take("a", 3)
    world.take("b", 2, 3)
    world.take("a", 4)
    assert (world.merged, world.gaps) == ([1, 2, 3, 4], [])


def test_a_quiet_line_that_takes_another_ones_place_as_planned_leaves_no_gap() -> None:
    world = World("old")
    world.take("old", 1)
    world.merge.opened("new")
    assert world.merge.goes_on_with("new")
    world.merge.replaces("new")
    world.merge.closed("old", "the connection was replaced")
    world.take("new", 2)
    assert (world.merged, world.gaps) == ([1, 2], [])


def test_a_quiet_line_that_is_left_when_the_other_breaks_leaves_a_gap() -> None:
    world = World("old")
    world.take("old", 1)
    world.merge.opened("new")
    assert world.merge.goes_on_with("new")
    world.merge.closed("old", "it broke")
    world.take("new", 3)
    assert (world.merged, world.gaps) == ([1, 3], [(1, 3, "it broke")])


def test_repeated_events_after_the_other_connection_ends_leave_no_gap() -> None:
    world = World("old")
    world.take("old", 1, 2, 3)
    world.merge.opened("new")
    world.merge.closed("old", "it broke")
    world.take("new", 3, 4)
    assert (world.merged, world.gaps) == ([1, 2, 3, 4], [])


def restart_ids(world: World, take: str, line: str) -> None:
    """Bring what is behind for as long as it takes to be believed."""
    for key in range(1, 7):
        getattr(world, take)(line, key)
        world.merge.overdue(100.0 + 2.0 * key)
    getattr(world, take)(line, 7, 8)


def test_ids_restarted_while_one_connection_is_half_open_continue_after_a_gap() -> None:
    world = World("a", "b")
    for line in "ab":
        world.take(line, 100, 101)
    world.merge.closed("a", "it broke")
    world.merge.opened("c")
    world.take("c", 0)
    world.merge.closed("b", "no sign of life")
    restart_ids(world, "take", "c")
    merged = world.merged[2:]
    assert merged[-2:] == [7, 8]
    assert world.gaps == [(101, merged[0], merging.IDS_RESTARTED)]
    assert world.merge.only == "c"


def test_restarted_chained_ids_are_passed_to_the_id_check() -> None:
    world = World("a", "b")
    for line in "ab":
        world.take_ids(line, 100, 101)
    restart_ids(world, "take_ids", "b")
    assert world.merged[-2:] == [7, 8]


def test_one_key_that_is_far_too_high_does_not_mute_two_lines() -> None:
    world = World("a", "b")
    for line in "ab":
        world.take(line, 1, 2)
    world.take("a", 10**17)
    for key in range(3, 20):
        for line in "ab":
            world.take(line, key)
        world.merge.overdue(100.0 + key)
    merged = world.merged[3:]
    assert merged == [*range(merged[0], 20)]
    assert world.gaps == [(10**17, merged[0], merging.IDS_RESTARTED)]


def test_a_connection_that_only_repeats_another_is_never_taken_as_new() -> None:
    world = World("fast", "slow")
    for key in range(100):
        world.take("fast", key + 2)
        world.take("slow", key)
        world.merge.overdue(float(key))
    assert (world.merged, world.gaps) == ([*range(2, 102)], [])


def test_a_quiet_channel_that_both_lines_brought_is_not_taken_for_new() -> None:
    world = World("a", "b")
    for line in "ab":
        world.take(line, 1)
    for second in range(60):
        world.merge.overdue(float(second))
    world.take("b", 2)
    world.take("a", 2)
    assert (world.merged, world.gaps) == ([1, 2], [])


@given(
    st.lists(st.sampled_from("ab"), min_size=1, max_size=80),
    st.sets(st.integers(2, 29), max_size=8),
    st.sets(st.integers(2, 29), max_size=8),
)
def test_events_of_two_connections_are_delivered_once_and_in_order(
    order: list[str], lacks_a: set[int], lacks_b: set[int]
) -> None:
    world = World("a", "b")
    queues = {
        "a": deque(key for key in range(1, 31) if key not in lacks_a),
        "b": deque(key for key in range(1, 31) if key not in lacks_b),
    }
    for line in [*order, *"ab" * 30]:
        if queues[line]:
            world.take_ids(line, queues[line].popleft())
    wanted = [key for key in range(1, 31) if key not in lacks_a & lacks_b]
    assert world.merged == wanted
    assert not world.gaps


class Exchange:
    """Counts, and delivers to each line what came since it was opened, as late as it likes."""

    def __init__(self) -> None:
        self.newest = 0
        self.lines: dict[int, deque[int]] = {}
        self.opened = 0

    def produce(self, count: int) -> None:
        for queue in self.lines.values():
            queue.extend(range(self.newest + 1, self.newest + count + 1))
        self.newest += count


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["open", "close", "wait", *["deliver"] * 6, *["produce"] * 3]),
                  st.integers(0, 2), st.integers(1, 6)),
        min_size=20,
        max_size=60,
    ),
    st.booleans(),
)  # fmt: skip
def test_the_stream_never_goes_backwards_and_every_gap_is_reported(  # noqa: C901
    steps: list[tuple[str, int, int]], has_before: bool
) -> None:
    world, exchange = World(), Exchange()
    now_s, gone = 0.0, set()  # published last before all connections were lost
    for what, which, count in steps:
        lines = list(exchange.lines)
        line = lines[which % len(lines)] if lines else None
        if what == "open" and len(lines) < 3:
            exchange.opened += 1
            exchange.lines[exchange.opened] = deque()
            world.merge.opened(exchange.opened)
        elif what == "produce":
            exchange.produce(count)
        elif what == "wait" and now_s + 0.7 < merging.BEHIND_S:  # a line lags no longer
            now_s += 0.7
            world.merge.overdue(now_s)
        elif line is not None and what == "close":
            del exchange.lines[line]
            if not world.merge.closed(line, "it broke"):
                gone.update(world.merged[-1:])
        elif line is not None and what == "deliver":
            for _ in range(min(count, len(exchange.lines[line]))):
                key = exchange.lines[line].popleft()
                world.merge.take(line, key, key - 1 if has_before else None, key)
    gaps = {start: end for start, end, _ in world.gaps}
    for one, following in pairwise(world.merged):
        assert following > one
        if following != one + 1 and not has_before:
            assert one in gone or gaps[one] == following


def test_the_last_line_needs_no_merging_once_it_has_caught_up_with_the_one_that_is_gone() -> None:
    world = World("old")
    world.take("old", 10)
    world.merge.opened("new")
    world.take("new", 20)
    world.take("old", 20, 30, 40)  # ahead of its replacement
    world.merge.closed("old", "the connection was replaced")
    assert world.merge.only is None
    world.take("new", 30)
    assert world.merge.only is None
    world.take("new", 40)
    assert world.merge.only == "new"
    world.take("new", 5)  # ids that fall are emitted as they come
    assert (world.merged, world.gaps) == ([10, 20, 30, 40, 5], [])


def test_keys_that_fall_before_the_last_line_has_caught_up_continue_after_a_gap() -> None:
    world = World("old")
    world.take("old", 10)
    world.merge.opened("new")
    world.take("new", 20)
    world.take("old", 20, 30, 40)
    world.merge.closed("old", "the connection was replaced")
    world.take("new", 5, 6)
    assert (world.merged, world.gaps) == (
        [10, 20, 30, 40, 5, 6], [(40, 5, merging.IDS_RESTARTED)]
    )  # fmt: skip


def test_ids_that_restart_on_both_lines_lose_nothing_but_a_reported_gap() -> None:
    world = World("a", "b")
    world.take("a", 998, 999, 1000)
    world.take("b", 998)
    world.take("a", 901, 902)
    world.take("b", 999, 1000)  # of before the restart
    assert world.merged == [998, 999, 1000, 901, 902]
    world.take("b", 901, 902, 903)
    world.take("a", 903, 904)
    world.take("b", 904, 905)
    assert world.merged[3:] == [901, 902, 903, 904, 905]
    assert world.gaps == [(1000, 901, merging.IDS_RESTARTED)]


def test_ids_that_restart_a_little_lower_are_not_taken_for_repeated_ones() -> None:
    """Soon they are above the last one again, before a line is seen to be behind."""
    world = World("a", "b")
    for key in (98, 99, 100, *range(97, 200)):
        for line in "ab":
            world.take(line, key)
    assert world.merged == [98, 99, 100, *range(97, 200)]
    assert len(world.gaps) == 1


def test_the_stray_id_of_one_line_leaves_the_other_in_step() -> None:
    world = World("a", "b")
    for line in "ab":
        world.take(line, 1, 2)
    world.take("a", 10**17, 3)
    world.take("b", 3)
    world.take("b", 4)
    world.take("a", 4, 5)
    assert world.merged == [1, 2, 10**17, 3, 4, 5]
    world.merge.closed("a", "it broke")
    world.take("b", 5, 6)
    assert world.merged[-2:] == [5, 6]
    assert len(world.gaps) == 1


class Quoted(NamedTuple):
    """An event with an id and a content."""

    key: int
    content: str


def quoted(*events: tuple[str, int, str]) -> list[Quoted]:
    """Return the output of a merge for events of lines, each with its id and its content."""
    merged: list[Quoted] = []
    merge = Merge(merged.append, lambda *gap: None, lambda one, other: one == other)
    for line in dict.fromkeys(line for line, *_ in events):
        merge.opened(line)
    for line, key, content in events:
        merge.take(line, key, None, Quoted(key, content))
    return merged


def test_different_events_with_one_id_are_all_emitted_once() -> None:
    events = [
        ("a", 1, "w"), ("b", 1, "w"), ("a", 2, "x"), ("a", 2, "y"), ("b", 2, "x"), ("b", 2, "y"),
        ("b", 2, "x"), ("a", 2, "x"), ("a", 3, "z"), ("b", 3, "z"), ("b", 4, "z"),
    ]  # fmt: skip
    assert quoted(*events) == [(1, "w"), (2, "x"), (2, "y"), (2, "x"), (3, "z"), (4, "z")]


def test_an_event_that_a_line_repeats_with_its_id_is_emitted_once() -> None:
    events = [
        ("a", 1, "w"), ("b", 1, "w"), ("a", 2, "x"), ("a", 2, "x"), ("b", 2, "x"), ("b", 2, "x")
    ]  # fmt: skip
    assert quoted(*events) == [(1, "w"), (2, "x")]


def test_a_check_between_two_events_with_one_id_on_the_only_line_drops_neither() -> None:
    merged: list[Quoted] = []
    merge = Merge(merged.append, lambda *gap: None, lambda one, other: one == other)
    merge.opened("a")
    for now_s, content in enumerate("xyz"):
        merge.take("a", 7, None, Quoted(7, content))
        merge.overdue(float(now_s))
        assert merge.only == "a"
    assert "".join(content for _, content in merged) == "xyz"


def test_ids_that_restart_after_a_check_of_the_only_line_are_emitted_at_once() -> None:
    world = World("a")
    world.take("a", 100, 101)
    world.merge.overdue(0.0)
    world.merge.closed("unknown", "it was never opened")
    world.take("a", 1, 2)
    assert world.merged == [100, 101, 1, 2]


def test_different_events_with_one_id_that_were_held_back_are_all_emitted_once() -> None:
    events = [
        ("a", 1, "w"), ("b", 2, "x"), ("b", 2, "y"), ("b", 3, "z"), ("a", 2, "x"), ("a", 2, "y"),
        ("a", 3, "z"),
    ]  # fmt: skip
    assert quoted(*events) == [(1, "w"), (2, "x"), (2, "y"), (3, "z")]


def test_a_line_opened_between_two_events_with_one_id_delivers_the_second() -> None:
    merged: list[Quoted] = []
    merge = Merge(merged.append, lambda *gap: None, lambda one, other: one == other)
    merge.opened("a")
    merge.take("a", 1, None, Quoted(1, "x"))
    merge.opened("b")
    merge.take("b", 1, None, Quoted(1, "y"))
    merge.take("a", 1, None, Quoted(1, "y"))
    merge.take("a", 2, None, Quoted(2, "z"))
    assert merged == [(1, "x"), (1, "y"), (2, "z")]

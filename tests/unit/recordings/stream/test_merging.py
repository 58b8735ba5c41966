"""Several recordings of the same feeds, joined to one stream."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.recordings.stream.small_recordings import (
    BEGUN_NS,
    FEED,
    MS,
    TOPIC,
    Track,
    brief,
    damage,
    gap,
    quote,
)

import feedd
from feedd.recordings.format.block_records import LIVE, NOTICE, REPLAYED, BlockRecord
from feedd.recordings.stream.merging import HOLD_NS, NOT_IN_TIME
from feedd.recordings.stream.recorded_events import EventReader, MergedEntry


def test_a_gap_in_one_recording_is_filled_from_another(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    one.quotes([1, 2, 3])
    one.notice(gap(4, 6, "dropped"))
    one.quotes([7, 8, 9, 12, 13])
    two.quotes([2, 3, 4, 5, 6, 7])
    two.quotes([8], kind=REPLAYED, at_ns=BEGUN_NS + 30 * MS)
    two.notice(gap(9, 10, "lost on the way"))
    two.quotes([12, 14], at_ns=BEGUN_NS + 30 * MS)
    events = brief(feedd.open_recording([one.end(), two.end()]))
    assert events == [
        *range(1, 10), gap(10, 10, "lost on the way"), gap(11, 11, NOT_IN_TIME), 12, 13, 14,
    ]  # fmt: skip


def test_other_messages_with_the_same_numbers_are_reported_once(tmp_path: Path) -> None:
    """Two workers or two imports had the same session."""
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    one.quotes(range(1, 6))
    for seq in range(1, 6):
        at_ns = BEGUN_NS + seq * MS + 5
        keys = {**msgspec.msgpack.decode(quote(seq, at_ns)), "bid": 7.5}
        two.writer.add(at_ns, LIVE, TOPIC.encode(), msgspec.msgpack.encode(keys))
    events = list(feedd.open_recording([one.end(), two.end()]))
    assert sum(isinstance(event, feedd.Quote) for event in events) == 5
    (report,) = (event for event in events if isinstance(event, feedd.StateChange))
    assert report.reason is not None
    assert "two different messages with number 1" in report.reason


def test_a_damage_of_one_recording_costs_nothing_where_there_are_two(tmp_path: Path) -> None:
    tracks = [Track(tmp_path / f"{number}.feedd") for number in range(2)]
    for track in tracks:
        for first in (1, 4, 7):
            track.quotes(range(first, first + 3))
            track.block()
        track.end()
    damage(tracks[0].path, 1)
    events = brief(feedd.open_recording([track.path for track in tracks]))
    assert [event for event in events if isinstance(event, int)] == list(range(1, 10))
    assert [type(event) for event in events if not isinstance(event, int)] == [feedd.StateChange]


def test_a_hole_is_waited_for_only_so_long(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    one.quotes([1, 2, 4, 5])
    one.quotes(range(1, 4), symbol="C/D")
    late_ns = BEGUN_NS + HOLD_NS + 100 * MS
    one.quotes([4], symbol="C/D", at_ns=late_ns)
    two.quotes([1, 2])  # and no more of this topic
    two.quotes([5], symbol="C/D", at_ns=late_ns + MS)
    assert brief(feedd.open_recording([one.end(), two.end()])) == [
        1, 2, 1, 2, 3, gap(3, 3, NOT_IN_TIME), 4, 5, 4, 5,
    ]  # fmt: skip


def test_holes_one_after_the_other_do_not_add_up_what_is_waited(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    two.quotes([1])  # and no more of this topic, but it goes on
    for second in range(60):
        at_ns = BEGUN_NS + second * 1000 * MS
        one.quotes([2 * second + 1], at_ns=at_ns)  # each second one, and one is missing
        for track in (one, two):
            track.quotes([second + 1], symbol="C/D", at_ns=at_ns + MS)
    latest_ns = waited_ns = 0
    for event in feedd.open_recording([one.end(), two.end()], only_ticks=True):
        assert isinstance(event, feedd.Quote)
        latest_ns = max(latest_ns, event.published_ns)
        waited_ns = max(waited_ns, latest_ns - event.published_ns)
    assert HOLD_NS - 1000 * MS <= waited_ns <= HOLD_NS + 1000 * MS


def test_from_the_middle_on_recordings_are_joined_as_from_the_beginning(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    late_ns = BEGUN_NS + HOLD_NS + 1000 * MS
    for track in (one, two):
        track.quotes([1], symbol="C/D")
    one.quotes([11, 13], at_ns=late_ns)
    two.quotes([12, 13], at_ns=late_ns + MS)
    paths = [one.end(), two.end()]
    assert brief(feedd.open_recording(paths, from_=late_ns)) == [11, 12, 13]


def test_a_new_session_is_reported_once_and_ends_the_old_one(tmp_path: Path) -> None:
    tracks = [Track(tmp_path / f"{number}.feedd") for number in range(2)]
    for number, track in enumerate(tracks):
        track.at_ns += number * 10
        track.quotes([1, 2, 3 + number])
        track.notice(feedd.NewSession(FEED, 1, 2))
        track.quotes([1, 2], session=2)
    assert brief(feedd.open_recording([track.end() for track in tracks])) == [
        1, 2, 3, 4, feedd.NewSession(FEED, 1, 2), 1, 2,
    ]  # fmt: skip


def test_a_pending_gap_is_reported_before_a_new_session(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    one.quotes([1, 2, 4, 6])
    one.quotes([1], session=2)
    two.quotes([1, 2])
    two.quotes([2], session=2, at_ns=BEGUN_NS + 50 * MS)
    assert brief(feedd.open_recording([one.end(), two.end()])) == [
        1, 2, gap(3, 3, NOT_IN_TIME), 4, gap(5, 5, NOT_IN_TIME), 6,
        feedd.NewSession(FEED, 1, 2), 1, 2,
    ]  # fmt: skip


def test_two_workers_of_one_feed_are_not_joined_without_a_word(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    one.quotes([1, 2], session=1)
    two.quotes([1], session=2, at_ns=BEGUN_NS + 10 * MS)
    one.quotes([3], session=1, at_ns=BEGUN_NS + 20 * MS)  # late, as when a worker was restarted
    two.quotes([2], session=2, at_ns=BEGUN_NS + 30 * MS)
    one.quotes([4, 5], session=1, at_ns=BEGUN_NS + 40 * MS + HOLD_NS)  # and two has ended
    events = brief(feedd.open_recording([one.end(), two.end()]))
    assert events[:-1] == [1, 2, feedd.NewSession(FEED, 1, 2), 1, 2]
    left_out = events[-1]
    assert (left_out.feed, left_out.state) == ("", "behind")
    assert f"{FEED} has session 1 beside the newer 2" in left_out.reason


def test_a_recording_with_a_file_of_zeros_is_waited_for_as_any_other(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), tmp_path / "two"
    two.mkdir()
    (two / "0.feedd").write_bytes(bytes(5000))
    one.quotes([1, 3])
    second = Track(two / "1.feedd", BEGUN_NS)
    second.quotes([2, 3], at_ns=BEGUN_NS + 50 * MS)
    second.end()
    *changes, first, middle, last = brief(feedd.open_recording([one.end(), two]))
    assert [one.state for one in changes] == ["damaged"]
    assert (first, middle, last) == (1, 2, 3)


def told(number: int, seqs: set[int], gaps: set[int], ahead: list[int]) -> Iterator[MergedEntry]:
    """Yield a recording of some seqs, each published at its own ms, by a clock that is ahead."""
    clock_ns = BEGUN_NS
    yield clock_ns, number, True
    for seq, ahead_ms in enumerate(ahead, start=1):
        at_ns = BEGUN_NS + seq * MS
        if seq in seqs:
            clock_ns = max(clock_ns, at_ns)
            yield clock_ns, number, BlockRecord(at_ns, LIVE, TOPIC.encode(), quote(seq, at_ns))
        elif seq in gaps:
            lost = msgspec.msgpack.encode(gap(seq, seq, "told"))
            yield clock_ns, number, BlockRecord(at_ns, NOTICE, b"Gap", lost)
        clock_ns = max(clock_ns, at_ns + ahead_ms * MS)
    yield clock_ns, number, False


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_any_recordings_joined_have_all_in_order_or_in_one_gap(data: Any) -> None:
    last = data.draw(st.integers(1, 12))
    some = st.sets(st.integers(1, last))
    ahead = st.lists(st.integers(0, 20), min_size=last, max_size=last)
    recordings = data.draw(st.lists(st.tuples(some, some, ahead), min_size=1, max_size=3))
    # One has the first: without it, the stream begins with what comes first by the clocks.
    recordings[0][0].add(1)
    recordings[0][2][0] = 0
    parts = [told(number, *recording) for number, recording in enumerate(recordings)]
    kept = set().union(*(seqs for seqs, _, _ in recordings))
    events = EventReader([TOPIC], len(parts)).events(heapq.merge(*parts, key=itemgetter(0)))
    ticks: list[int] = []
    lost: list[int] = []
    for event in brief(events):
        if isinstance(event, int):
            ticks.append(event)
        else:
            assert event.from_seq == (ticks[-1] if not lost else max(ticks[-1], lost[-1])) + 1
            lost += range(event.from_seq, event.to_seq + 1)
    assert ticks == sorted(kept)
    assert len(lost) == len(set(lost))
    assert {seq for seq in lost if seq < ticks[-1]} == set(range(1, ticks[-1])) - kept

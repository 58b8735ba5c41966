"""When frames are due."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import samples

from feedd.codec import decode
from feedd.errors import ConfigError
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.replay.due_messages import DueMessage, due_messages
from feedd.recordings.replay.schedule import ReplaySpan, Schedule, span_of

S = 1_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return ten seconds, a quote in each."""
    quotes = [samples.quote(seq, 1000 * (seq - 1)) for seq in range(1, 12)]
    return samples.write(tmp_path / "a.feedd", quotes, block=2)


def due(path: Path, pace: float = 1.0, **options: object) -> list[DueMessage]:
    recording = RecordingReader([path])
    schedule = Schedule(span_of(recording, None, None), pace)
    everything = due_messages(recording, schedule, lambda _: True, pytest.fail, **options)  # type: ignore[arg-type]
    return [one for one in islice(everything, 30) if one is not None]


@pytest.mark.parametrize("pace", [0.5, 1.0, 4.0])
def test_each_frame_is_due_by_the_recordings_clock(path: Path, pace: float) -> None:
    assert [one.due_ns for one in due(path, pace)] == [int(n * S / pace) for n in range(11)]


def test_at_pace_0_all_is_due_at_once(path: Path) -> None:
    assert {one.due_ns for one in due(path, 0)} == {0}


def test_a_loop_begins_again_when_the_last_frame_is_out(path: Path) -> None:
    looped = due(path, 2.0, loop=True)
    assert [one.due_ns for one in looped[11:13]] == [5 * S, 5 * S + S // 2]
    assert [one.passes for one in looped] == [0] * 11 + [1] * 11 + [2] * 8


def test_a_player_that_joins_plays_what_is_due_from_then_on(path: Path) -> None:
    assert [one.due_ns for one in due(path, 2.0, joined_ns=4 * S)] == [4 * S, 9 * S // 2, 5 * S]


def test_a_player_that_joins_a_later_pass_plays_that_pass(path: Path) -> None:
    first = due(path, 1.0, joined_ns=37 * S, loop=True)[0]
    assert (first.passes, first.due_ns, decode(first.payload)["seq"]) == (3, 37 * S, 8)


def test_a_player_that_joins_after_the_end_plays_nothing(path: Path) -> None:
    assert due(path, 1.0, joined_ns=11 * S) == []


def test_times_are_cut_to_the_recording(path: Path) -> None:
    recording = RecordingReader([path])
    begin = samples.BEGUN_NS
    assert span_of(recording, "12:00", "13:00:04") == ReplaySpan(begin, begin + 4 * S)
    assert span_of(recording, "13:00:06", None) == ReplaySpan(begin + 6 * S, begin + 10 * S)


@pytest.mark.parametrize(("begin", "end"), [("14:00", None), (None, "12:59"), ("13:01", "13:00")])
def test_an_empty_time_range_is_an_error_with_the_recorded_range(
    path: Path, begin: str | None, end: str | None
) -> None:
    with pytest.raises(ConfigError, match=r"the recording is from 2025-11-25T13:00:00\.000Z to"):
        span_of(RecordingReader([path]), begin, end)


def test_a_loop_of_which_nothing_is_wanted_ends(path: Path) -> None:
    recording = RecordingReader([path])
    schedule = Schedule(span_of(recording, None, None), 0)
    assert list(due_messages(recording, schedule, lambda _: False, pytest.fail, loop=True)) == []

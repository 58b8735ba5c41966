"""Where a series ended: by topic, and how its last recorder did."""

from __future__ import annotations

import os
import time
from pathlib import Path

from unit.client.simulated import EXCHANGE, FEED, QUOTE, STATUS, TRADE, quote, status, trade
from unit.recordings.recorder.written_series import NS, add, made, segments

from feedd.client.events import Gap, NewSession
from feedd.recordings.format.block_records import REPLAYED
from feedd.recordings.recorder.resume_point import TAIL_NS, ResumePoint, _parts, find_resume_point

S = 1_000_000_000


def end_of(root: Path) -> ResumePoint:
    found = find_resume_point(root / EXCHANGE)
    assert found is not None
    return found


def test_a_series_that_was_stopped_ends_with_the_last_of_each_topic(tmp_path: Path) -> None:
    series = made(tmp_path)
    add(series, quote(4), quote(5), trade(2), status(9, next_seq={QUOTE: 6, TRADE: 3}))
    series.close("")
    end = end_of(tmp_path)
    assert end.ends == {QUOTE: (1, 6), TRADE: (1, 3), STATUS: (1, 10)}
    assert (end.finished, end.torn, end.clock_ns) == (True, 0, NS + 3)
    assert "was stopped at 2023-11-14T22:13:20.000Z" in end.text(NS + S)


def test_where_there_is_no_segment_there_is_no_end(tmp_path: Path) -> None:
    assert find_resume_point(tmp_path) is None


def test_a_torn_segment_ends_with_its_last_whole_block(tmp_path: Path) -> None:
    series = made(tmp_path)
    add(series, quote(1))
    series.write()
    whole = segments(tmp_path)[0].path.stat().st_size
    add(series, quote(2), ns=NS + 5)
    series.write()
    series._abandon()
    path = segments(tmp_path)[0].path
    os.truncate(path, path.stat().st_size - 3)
    end = end_of(tmp_path)
    assert end.ends == {QUOTE: (1, 2)}
    assert (end.finished, end.clock_ns) == (False, NS)
    assert end.torn == path.stat().st_size - whole > 0
    how = f"ended without an index at 2023-11-14T22:13:20.000Z, followed by {end.torn} torn"
    assert how in end.text(0)


def test_a_file_of_which_not_even_the_head_was_written_hides_no_end(tmp_path: Path) -> None:
    series = made(tmp_path)
    add(series, quote(1))
    series.close("")
    folder = segments(tmp_path)[0].path.parent
    (folder / "99-empty.feedd").touch()
    (folder / "99-junk.feedd").write_bytes(b"junk" * 100)
    assert end_of(tmp_path).ends == {QUOTE: (1, 2)}


def test_a_file_that_a_power_cut_left_empty_is_not_where_the_series_ended(tmp_path: Path) -> None:
    """Nor is all that was ever recorded read then."""
    series = made(tmp_path)
    for second in range(1, 90):
        add(series, status(second), ns=NS + second * S)
        add(series, quote(second), ns=NS + second * S)
        series.write()
    series.close("")
    folder = segments(tmp_path)[0].path.parent
    (folder / "99-empty.feedd").touch()
    end = end_of(tmp_path)
    assert (end.clock_ns, end.finished, end.torn) == (NS + 89 * S, True, 0)
    assert [part.from_ns for part in _parts(tmp_path / EXCHANGE)] == [NS + 89 * S - TAIL_NS]
    only = tmp_path / "only" / "day"
    only.mkdir(parents=True)
    (only / "00.feedd").touch()
    assert find_resume_point(only.parent) is None


def test_gaps_pending_when_a_recorder_ended_are_still_repaired(
    tmp_path: Path,
) -> None:
    """Two hours of statuses were repaired, and of the trades nothing, when it was killed."""
    series = made(tmp_path)
    for second in range(1, 90):
        add(series, status(second, next_seq={TRADE: 8, QUOTE: 6}), ns=NS + second * S)
    series.close("")
    away = 90 + 7200
    series = made(tmp_path, end_of(tmp_path).clock_ns)
    for second in range(90, away):
        message = status(second, next_seq={TRADE: 8 + second, QUOTE: 6})
        series.add(NS + second * S, REPLAYED, *message)
    add(series, status(away, next_seq={TRADE: 8 + away, QUOTE: 6}), ns=NS + away * S)
    series.write()
    series._abandon()
    assert end_of(tmp_path).ends == {TRADE: (1, 8), QUOTE: (1, 6), STATUS: (1, away + 1)}


def test_of_a_session_that_just_began_all_is_wanted_that_was_not_recorded(tmp_path: Path) -> None:
    series = made(tmp_path)
    series.add_notice(NewSession(FEED, 1, 2), time.time_ns())
    add(series, status(1, session=2, next_seq={TRADE: 5, QUOTE: 3}), quote(1, session=2))
    series.close("")
    assert end_of(tmp_path).ends == {TRADE: (2, 1), QUOTE: (2, 2), STATUS: (2, 2)}


def test_a_reported_gap_is_not_requested_again(tmp_path: Path) -> None:
    series = made(tmp_path)
    add(series, quote(4))
    series.add_notice(Gap(QUOTE, 1, 5, 8, "not repaired"), time.time_ns())
    series.close("")
    assert end_of(tmp_path).ends == {QUOTE: (1, 9)}


def test_a_topic_without_a_message_in_a_new_session_begins_with_its_first(tmp_path: Path) -> None:
    series = made(tmp_path)
    add(series, quote(4), trade(7), status(1))
    series.add_notice(NewSession(FEED, 1, 2), time.time_ns())
    add(series, quote(1, session=2), ns=NS + 10)
    series.close("")
    assert end_of(tmp_path).ends == {QUOTE: (2, 2), TRADE: (2, 1), STATUS: (2, 1)}


def test_a_topic_that_was_silent_lately_is_where_the_statuses_say(tmp_path: Path) -> None:
    """Also over several segments, whose last entries may lag behind the recorded messages."""
    series = made(tmp_path, segment_mb=0.00001)
    add(series, trade(7))
    series.write()
    for second in range(1, 90):
        add(
            series,
            status(second, next_seq={TRADE: 8, QUOTE: second}),
            quote(second),
            ns=NS + second * S,
        )
        series.write()
    series.close("")
    assert len(segments(tmp_path)) == 90
    assert end_of(tmp_path).ends == {QUOTE: (1, 90), TRADE: (1, 8), STATUS: (1, 90)}


def test_a_quiet_topics_last_message_that_was_never_recorded_is_still_wanted(
    tmp_path: Path,
) -> None:
    series = made(tmp_path)
    for second in range(1, 90):
        next_seq = {TRADE: 8 if second < 88 else 9}
        add(series, status(second, next_seq=next_seq), ns=NS + second * S)
    series.close("")
    assert end_of(tmp_path).ends[TRADE] == (1, 8)

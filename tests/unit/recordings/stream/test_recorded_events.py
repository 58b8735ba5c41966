"""A recording as a stream: holes, damages, new sessions."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
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
)

import feedd
from feedd import model
from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, NOTICE, SNAPSHOT
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter
from feedd.recordings.stream.merging import NOT_RECORDED


def test_damage_is_reported_in_place_with_the_loss_of_each_topic(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    for first in (1, 4, 7):
        track.quotes(range(first, first + 3))
        track.quotes([first // 3 + 1], symbol="C/D")
        track.block()
    path = track.end()
    damage(path, 1)
    *before, change, lost, _, _, _, other, last = brief(feedd.open_recording(path))
    assert before == [1, 2, 3, 1]
    assert isinstance(change, feedd.StateChange)
    assert (change.feed, change.state) == ("", "damaged")
    when = "from 2024-08-08T06:53:20.005Z to 2024-08-08T06:53:20.008Z"
    for words in (str(path), when, "4 messages are lost", "is damaged"):
        assert words in (change.reason or "")
    assert lost == gap(4, 6, "the recording is damaged: " + when)
    assert (other, last) == (gap(2, 2, lost.reason, topic="quote.test.C/D."), 3)


def test_damages_in_a_row_are_one_range(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    for seq in range(1, 6):
        track.quotes([seq])
        track.block()
    path = track.end()
    damage(path, 1, 2, 3)
    *_, lost, last = brief(feedd.open_recording(path))
    when = "from 2024-08-08T06:53:20.002Z to 2024-08-08T06:53:20.004Z"
    assert (lost, last) == (gap(2, 4, f"the recording is damaged: {when}"), 5)


def test_a_gap_is_reported_once_with_the_original_reason(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    track.quotes([3])
    track.notice(gap(1, 2, "it came before its feed was heard of"))
    track.notice(gap(4, 5, "dropped"))
    track.quotes([8])
    track.notice(gap(9, 9, "the tail"))
    track.notice(gap(10, 10, "the tail's tail"))
    track.quotes([11, 12])
    assert brief(feedd.open_recording(track.end())) == [
        3, gap(1, 2, "it came before its feed was heard of"), gap(4, 5, "dropped"),
        gap(6, 7, NOT_RECORDED), 8, gap(9, 9, "the tail"), gap(10, 10, "the tail's tail"), 11, 12,
    ]  # fmt: skip


def test_a_hole_long_after_a_damage_is_not_the_damages(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    track.quotes([1, 2])
    track.block()
    track.quotes([1], symbol="C/D")
    track.block()
    track.quotes([3, 5])
    path = track.end()
    damage(path, 1)
    assert brief(feedd.open_recording(path, TOPIC))[3:] == [3, gap(4, 4, NOT_RECORDED), 5]


def test_a_new_session_lost_in_damage_is_reported(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    track.quotes([1, 2])
    track.quotes([1], symbol="C/D")
    track.block()
    track.notice(feedd.NewSession(FEED, 1, 2))
    track.quotes([1, 2], session=2)
    track.block()
    track.quotes([3], session=2)
    track.notice(feedd.NewSession(FEED, 1, 2))  # nothing new
    track.notice(feedd.NewSession("test.C/D.", 1, 2))
    track.quotes([1], symbol="C/D", session=2)
    path = track.end()
    damage(path, 1)
    new, lost, *rest = brief(feedd.open_recording(path))[4:]
    assert new == feedd.NewSession(FEED, 1, 2)
    assert lost == gap(1, 2, lost.reason, session=2)
    assert lost.reason.startswith("the recording is damaged: from 2024-08-08T06:53:20.003Z to ")
    assert rest == [3, feedd.NewSession("test.C/D.", 1, 2), 1]


def test_a_restarted_recorder_repeats_no_notice(tmp_path: Path) -> None:
    track = Track(tmp_path / "1.feedd")
    track.quotes([4], kind=SNAPSHOT)
    track.quotes([5, 6])
    track.quotes([1, 2], symbol="C/D")
    track.end()
    again = Track(tmp_path / "2.feedd", track.at_ns + MS)
    again.quotes([6], kind=SNAPSHOT)
    again.quotes([5], symbol="C/D", kind=SNAPSHOT)
    again.quotes([7, 8])
    again.quotes([6], symbol="C/D")
    again.end()
    events = list(feedd.open_recording(tmp_path))
    assert brief(events) == [
        4, 5, 6, 1, 2, gap(3, 4, NOT_RECORDED, topic="quote.test.C/D."), 5, 7, 8, 6,
    ]  # fmt: skip
    assert [one.origin for one in events if isinstance(one, feedd.Quote)] == [
        "snapshot", *["live"] * 4, "snapshot", *["live"] * 3,
    ]  # fmt: skip


def test_the_last_message_of_an_ended_session_is_delivered_only_as_a_snapshot(
    tmp_path: Path,
) -> None:
    track = Track(tmp_path / "one.feedd")
    track.notice(feedd.NewSession(FEED, 1, 2))
    track.quotes([7], kind=SNAPSHOT)
    track.quotes([8])  # no stream yields it: its session is over
    track.quotes([1], session=2)
    track.quotes([9], kind=SNAPSHOT)
    assert brief(feedd.open_recording(track.end())) == [feedd.NewSession(FEED, 1, 2), 7, 1]


def test_a_truncated_file_is_reported_at_its_end(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    track.quotes([1, 2])
    track.block()
    track.writer.abandon()
    *ticks, change = brief(feedd.open_recording(track.path))
    assert ticks == [1, 2]
    assert "ends without an index: still being written, or cut off" in change.reason
    assert brief(feedd.open_recording(track.path, only_ticks=True)) == [1, 2]


def test_times_bound_what_is_read(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    for seq in range(1, 10):
        track.quotes([seq])
        track.block()
    path = track.end()
    damage(path, 0, 8, at=0)  # outside of what is asked for
    part = feedd.open_recording(path, from_="06:53:20.003", to=BEGUN_NS + 5 * MS)
    assert brief(part) == [3, 4, 5]
    with pytest.raises(ConfigError, match="is not a time"):
        feedd.open_recording(path, from_="noon")
    with pytest.raises(ConfigError, match="is after to '06:53'"):
        feedd.open_recording(path, from_="06:54", to="06:53")


def test_a_file_that_is_not_a_recording_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no recording"):
        feedd.open_recording(tmp_path)
    with pytest.raises(ConfigError, match="name a recording"):
        feedd.open_recording([])
    path = tmp_path / "one.feedd"
    meta = SegmentMeta(exchange="x", prefixes=("",), begun_ns=1, made_by="a later feedd", version=2)
    SegmentWriter(path, meta).close("the end")
    with pytest.raises(ConfigError, match="was written by a newer feedd"):
        feedd.open_recording(path)
    with pytest.raises(ConfigError, match="at least one topic"):
        feedd.open_recording(path, [])


class LaterMeta(SegmentMeta, frozen=True, kw_only=True):
    """A meta chunk with a key that this version does not know."""

    a_later_key: int = 1


def test_keys_of_a_later_feedd_in_a_file_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    meta = LaterMeta(exchange="test", prefixes=("",), begun_ns=BEGUN_NS, made_by="a later feedd")
    writer = SegmentWriter(path, meta)
    state = {"feed": FEED, "state": "live", "reason": None, "a_later_key": 1}
    writer.add(BEGUN_NS, NOTICE, b"StateChange", msgspec.msgpack.encode(state))
    writer.close("the end")
    assert list(feedd.open_recording(path)) == [feedd.StateChange(FEED, "live", None)]


def test_a_stream_that_is_closed_has_ended(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    track.quotes([1, 2])
    with feedd.open_recording(track.end()) as stream:
        assert next(stream).seq == 1  # type: ignore[union-attr]
    assert stream.receive(None) is None
    assert list(stream) == []


def test_other_tasks_run_while_a_recording_is_read(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    track.quotes(range(1, 1001))
    path = track.end()

    async def read() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        async for _ in feedd.open_recording(path):
            pass
        task.cancel()
        return turns

    assert asyncio.run(read()) >= 9


@pytest.mark.process
def test_only_what_reads_recordings_needs_zstandard_and_it_needs_no_zmq() -> None:
    code = (
        "import sys, feedd; feedd.subscribe; assert 'zstandard' not in sys.modules;"
        "feedd.Stream; [sys.modules.pop(m) for m in list(sys.modules) if m.startswith('feedd')];"
    )
    other = "import sys, feedd; feedd.open_recording; assert 'zmq' not in sys.modules"
    for one in (code, other):
        subprocess.run([sys.executable, "-c", one], check=True)


def test_a_topic_that_is_new_in_a_session_begins_with_its_first(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    track.quotes([1])
    track.notice(feedd.NewSession(FEED, 1, 2))
    trade = model.Trade(
        symbol="A/B", timestamp=1, price=1.0, size=1.0, side=None, exchange="test", received_ns=1,
        published_ns=track.at_ns + 1, session=2, seq=3,
    )  # fmt: skip
    topic = f"trade.{FEED}"
    track.writer.add(track.at_ns + 1, LIVE, topic.encode(), msgspec.msgpack.encode(trade))
    events = list(feedd.open_recording(track.end()))
    assert events[2] == gap(1, 2, NOT_RECORDED, session=2, topic=topic)


def test_a_file_whose_head_is_damaged_is_read_in_its_place(tmp_path: Path) -> None:
    for number in range(2):
        track = Track(tmp_path / f"{number}.feedd", BEGUN_NS + number * 10 * MS)
        track.notice(feedd.StateChange(FEED, "live", None))
        track.quotes([2 * number + 1, 2 * number + 2])
        track.end()
    path = tmp_path / "1.feedd"
    path.write_bytes(b"\0" + path.read_bytes()[1:])
    live = feedd.StateChange(FEED, "live", None)
    *before, change, again, third, fourth = brief(feedd.open_recording(tmp_path))
    assert (before, again, third, fourth) == ([live, 1, 2], live, 3, 4)
    assert "the head is damaged" in change.reason or "no part of a recording" in change.reason


def test_a_file_of_zeros_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    track = Track(tmp_path / "2.feedd")
    track.quotes([1, 2])
    track.end()
    (tmp_path / "3.feedd").write_bytes(bytes(5000))  # as a machine leaves it that lost its power
    (tmp_path / "4.feedd").write_bytes(b"")
    *changes, first, second = brief(feedd.open_recording(tmp_path))
    assert (first, second) == (1, 2)
    assert [(one.state, one.reason.partition(":")[0]) for one in changes] == [
        ("damaged", str(tmp_path / "3.feedd")), ("damaged", str(tmp_path / "4.feedd")),
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="is not a recording"):
        feedd.open_recording(tmp_path / "3.feedd")


def whole_life(path: Path) -> bytes:
    """Write two symbols' sessions, gaps and snapshots in blocks; return the file."""
    track = Track(path)
    for session in (1, 2):
        for first in range(1, 20, 4):
            for symbol in ("A/B", "C/D"):
                lost = [gap(first, first, "told", session, f"quote.test.{symbol}.")]
                if first == 1 and session == 2:
                    lost.insert(0, feedd.NewSession(f"test.{symbol}.", 1, 2))  # type: ignore[arg-type]
                for one in lost:
                    track.notice(one)
                track.quotes(range(first + 1, first + 4), symbol=symbol, session=session)
            track.block()
    track.end()
    return path.read_bytes()


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_record_of_a_damaged_file_is_read_or_reported(data: Any, tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    path.unlink(missing_ok=True)
    file = bytearray(whole_life(path))
    for at in data.draw(st.lists(st.integers(0, len(file) - 1), max_size=4)):
        file[at] ^= 0xFF
    del file[data.draw(st.one_of(st.just(len(file)), st.integers(60, len(file)))) :]
    path.write_bytes(file)
    told: dict[tuple[str, int], list[int]] = {}
    sessions: dict[str, int] = {}
    damaged = False
    for event in feedd.open_recording(tmp_path):
        if isinstance(event, feedd.StateChange):
            damaged = True
        elif isinstance(event, feedd.NewSession):
            sessions[f"quote.{event.feed}"] = event.new
        elif isinstance(event, feedd.Gap):
            told.setdefault((event.topic, event.session), []).extend(
                range(event.from_seq, event.to_seq + 1)
            )
        else:
            assert isinstance(event, feedd.Quote)
            topic = f"quote.{event.exchange}.{event.symbol}."
            assert event.session == sessions.setdefault(topic, event.session)
            told.setdefault((topic, event.session), []).append(event.seq)
    for (topic, session), seqs in told.items():
        first = 1 if session == 2 and (topic, 1) in told else seqs[0]
        assert seqs == list(range(first, seqs[-1] + 1)), (topic, session)
        assert damaged or (first, seqs[-1]) == (1, 20)
    assert damaged or len(told) == 4

"""Recordings as streams: holes, damages, new sessions, and several joined to one."""

from __future__ import annotations

import asyncio
import heapq
import subprocess
import sys
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import feedd
from feedd import model
from feedd.client.recorded import Reading, Told
from feedd.client.rejoining import HOLD_NS, HOLE, OVERLAP
from feedd.errors import ConfigError
from feedd.recording.reading import SegmentReader
from feedd.recording.records import LIVE, NOTICE, REPLAYED, SNAPSHOT, Record
from feedd.recording.segment import Meta, SegmentWriter

BEGUN_NS = 1_723_100_000_000_000_000  # 2024-08-08T06:53:20Z
MS = 1_000_000
FEED = "test.A/B."
TOPIC = f"quote.{FEED}"


def quote(seq: int, at_ns: int, symbol: str = "A/B", session: int = 1) -> bytes:
    return msgspec.msgpack.encode(
        model.Quote(
            symbol=symbol, timestamp=1, bid=1.0, bid_size=1.0, ask=2.0, ask_size=1.0,
            exchange="test", received_ns=1, published_ns=at_ns, session=session, seq=seq,
        )
    )  # fmt: skip


class Track:
    """Writes a recording, a message a ms by its clock."""

    def __init__(self, path: Path, begun_ns: int = BEGUN_NS) -> None:
        self.path = path
        self.at_ns = begun_ns
        self.writer = SegmentWriter(
            path, Meta(exchange="test", prefixes=("",), begun_ns=begun_ns, made_by="a test")
        )

    def quotes(
        self, seqs: Iterable[int], *, symbol: str = "A/B", session: int = 1, kind: int = LIVE,
        at_ns: int | None = None,
    ) -> None:  # fmt: skip
        for seq in seqs:
            self.at_ns = self.at_ns + MS if at_ns is None else at_ns
            payload = quote(seq, self.at_ns, symbol, session)
            self.writer.add(self.at_ns, kind, f"quote.test.{symbol}.".encode(), payload)

    def notice(self, notice: Any) -> None:
        name = type(notice).__name__.encode()
        self.writer.add(self.at_ns, NOTICE, name, msgspec.msgpack.encode(notice))

    def block(self) -> None:
        self.writer.write_block()

    def end(self) -> Path:
        self.writer.close("a test's end")
        return self.path


def damage(path: Path, *blocks: int, at: int = 80) -> None:
    """Flip a byte in some blocks: before 53 in their headers, and they are found no more."""
    index = SegmentReader(path).index()
    assert index is not None
    data = bytearray(path.read_bytes())
    for block in blocks:
        data[index.blocks[block].offset + at] ^= 0xFF
    path.write_bytes(data)


def brief(events: Iterable[Any]) -> list[Any]:
    """Return ticks as their seqs; a notice stays as it is."""
    return [event.seq if isinstance(event, feedd.Quote) else event for event in events]


def gap(first: int, last: int, reason: str, session: int = 1, topic: str = TOPIC) -> feedd.Gap:
    return feedd.Gap(topic, session, first, last, reason)


# --- one recording ----------------------------------------------------------------------------


def test_a_damage_is_told_in_its_place_and_each_topic_says_what_it_cost(tmp_path: Path) -> None:
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


def test_a_hole_is_told_once_in_the_words_of_who_knew_of_it(tmp_path: Path) -> None:
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
        gap(6, 7, HOLE), 8, gap(9, 9, "the tail"), gap(10, 10, "the tail's tail"), 11, 12,
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
    assert brief(feedd.open_recording(path, TOPIC))[3:] == [3, gap(4, 4, HOLE), 5]


def test_a_new_session_that_was_lost_with_a_damage_is_told(tmp_path: Path) -> None:
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


def test_a_recorder_that_was_started_anew_tells_nothing_twice(tmp_path: Path) -> None:
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
        4, 5, 6, 1, 2, gap(3, 4, HOLE, topic="quote.test.C/D."), 5, 7, 8, 6,
    ]  # fmt: skip
    assert [one.origin for one in events if isinstance(one, feedd.Quote)] == [
        "snapshot", *["live"] * 4, "snapshot", *["live"] * 3,
    ]  # fmt: skip


def test_the_last_of_a_session_that_is_over_is_told_as_a_snapshot_only(tmp_path: Path) -> None:
    track = Track(tmp_path / "one.feedd")
    track.notice(feedd.NewSession(FEED, 1, 2))
    track.quotes([7], kind=SNAPSHOT)
    track.quotes([8])  # no stream yields it: its session is over
    track.quotes([1], session=2)
    track.quotes([9], kind=SNAPSHOT)
    assert brief(feedd.open_recording(track.end())) == [feedd.NewSession(FEED, 1, 2), 7, 1]


def test_a_file_that_was_cut_off_says_so_at_its_end(tmp_path: Path) -> None:
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
    with pytest.raises(ConfigError, match="is no time"):
        feedd.open_recording(path, from_="noon")
    with pytest.raises(ConfigError, match="is after to '06:53'"):
        feedd.open_recording(path, from_="06:54", to="06:53")


def test_what_is_no_recording_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no recording"):
        feedd.open_recording(tmp_path)
    with pytest.raises(ConfigError, match="name a recording"):
        feedd.open_recording([])
    path = tmp_path / "one.feedd"
    meta = Meta(exchange="x", prefixes=("",), begun_ns=1, made_by="a later feedd", version=2)
    SegmentWriter(path, meta).close("the end")
    with pytest.raises(ConfigError, match="was written by a newer feedd"):
        feedd.open_recording(path)
    with pytest.raises(ConfigError, match="at least one topic"):
        feedd.open_recording(path, [])


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


def test_only_what_reads_recordings_needs_zstandard_and_it_needs_no_zmq() -> None:
    code = (
        "import sys, feedd; feedd.subscribe; assert 'zstandard' not in sys.modules;"
        "feedd.Stream; [sys.modules.pop(m) for m in list(sys.modules) if m.startswith('feedd')];"
    )
    other = "import sys, feedd; feedd.open_recording; assert 'zmq' not in sys.modules"
    for one in (code, other):
        subprocess.run([sys.executable, "-c", one], check=True)


def test_a_file_of_nothing_but_zeros_is_told_and_the_others_are_read(tmp_path: Path) -> None:
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
    with pytest.raises(ConfigError, match="is no recording"):
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
def test_whatever_is_damaged_all_is_there_or_told(data: Any, tmp_path: Path) -> None:
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


# --- several ----------------------------------------------------------------------------------


def test_what_one_recording_lacks_another_makes_good(tmp_path: Path) -> None:
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
        *range(1, 10), gap(10, 10, "lost on the way"), gap(11, 11, OVERLAP), 12, 13, 14,
    ]  # fmt: skip


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
        1, 2, 1, 2, 3, gap(3, 3, OVERLAP), 4, 5, 4, 5,
    ]  # fmt: skip


def test_from_the_middle_on_recordings_are_joined_as_from_the_beginning(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    late_ns = BEGUN_NS + HOLD_NS + 1000 * MS
    for track in (one, two):
        track.quotes([1], symbol="C/D")
    one.quotes([11, 13], at_ns=late_ns)
    two.quotes([12, 13], at_ns=late_ns + MS)
    paths = [one.end(), two.end()]
    assert brief(feedd.open_recording(paths, from_=late_ns)) == [11, 12, 13]


def test_a_new_session_is_told_once_and_ends_the_old_one(tmp_path: Path) -> None:
    tracks = [Track(tmp_path / f"{number}.feedd") for number in range(2)]
    for number, track in enumerate(tracks):
        track.at_ns += number * 10
        track.quotes([1, 2, 3 + number])
        track.notice(feedd.NewSession(FEED, 1, 2))
        track.quotes([1, 2], session=2)
    assert brief(feedd.open_recording([track.end() for track in tracks])) == [
        1, 2, 3, 4, feedd.NewSession(FEED, 1, 2), 1, 2,
    ]  # fmt: skip


def test_a_hole_that_is_waited_for_is_told_before_a_new_session(tmp_path: Path) -> None:
    one, two = Track(tmp_path / "1.feedd"), Track(tmp_path / "2.feedd")
    one.quotes([1, 2, 4, 6])
    one.quotes([1], session=2)
    two.quotes([1, 2])
    two.quotes([2], session=2, at_ns=BEGUN_NS + 50 * MS)
    assert brief(feedd.open_recording([one.end(), two.end()])) == [
        1, 2, gap(3, 3, OVERLAP), 4, gap(5, 5, OVERLAP), 6, feedd.NewSession(FEED, 1, 2), 1, 2,
    ]  # fmt: skip


def told(number: int, seqs: set[int], gaps: set[int], ahead: list[int]) -> Iterator[Told]:
    """Yield a recording of some seqs, each published at its own ms, by a clock that is ahead."""
    clock_ns = BEGUN_NS
    yield clock_ns, number, True
    for seq, ahead_ms in enumerate(ahead, start=1):
        at_ns = BEGUN_NS + seq * MS
        if seq in seqs:
            clock_ns = max(clock_ns, at_ns)
            yield clock_ns, number, Record(at_ns, LIVE, TOPIC.encode(), quote(seq, at_ns))
        elif seq in gaps:
            lost = msgspec.msgpack.encode(gap(seq, seq, "told"))
            yield clock_ns, number, Record(at_ns, NOTICE, b"Gap", lost)
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
    events = Reading([TOPIC], len(parts)).events(heapq.merge(*parts, key=itemgetter(0)))
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

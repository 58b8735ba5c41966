"""One exchange's segments: where they begin and end, and that nothing is between them."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from unit.client.simulated import QUOTE, quote
from unit.recordings.recorder.written_series import (
    NS,
    Said,
    add,
    made,
    records,
    records_so_far,
    segments,
)

from feedd.client.events import Gap, StateChange
from feedd.recordings.format.block_records import LIVE, NOTICE
from feedd.recordings.format.segment_writer import BLOCK_BYTES
from feedd.recordings.recorder import series_writer
from feedd.recordings.recorder.segment_paths import exchange_of, next_midnight, segment_path

HOUR_NS = 3600 * 10**9


def test_a_segments_path_follows_from_exchange_day_and_time() -> None:
    path = segment_path(Path("recordings"), "bybit", 1_700_000_000_012_345_678)
    assert str(path) == "recordings/bybit/2023-11-14/22-13-20.012Z.feedd"


@pytest.mark.parametrize(
    ("feed", "folder"),
    [("binanceusdm.BTC/USDT:USDT.", "binanceusdm"), ("../../etc.x.", "other"), ("..", "other"),
     ("", "other"), ("a/b.c.", "other"), ("x" * 65 + ".c.", "other")],
)  # fmt: skip
def test_no_exchange_leads_out_of_the_folder(feed: str, folder: str) -> None:
    assert exchange_of(feed) == folder


def test_records_are_on_disk_when_due_and_the_index_on_closing(
    tmp_path: Path,
) -> None:
    series = made(tmp_path, fsync_s=0.05)
    add(series, quote(1), quote(2))
    assert segments(tmp_path) == []
    series.check(time.time_ns(), time.monotonic() + 1)
    (segment,) = segments(tmp_path)
    assert segment.extent().last_ns == NS + 1
    assert segment.index() is None
    add(series, quote(3), ns=NS + 2)
    series.close("a test's end")
    assert [one.payload for one in records(tmp_path)] == [quote(seq)[1] for seq in (1, 2, 3)]
    index = segments(tmp_path)[0].index()
    assert index is not None
    assert (index.topics, index.ended) == ({QUOTE: 3}, "a test's end")
    assert series.records == 3
    assert series.size == segment.path.stat().st_size


def test_a_full_block_is_written_at_once(tmp_path: Path) -> None:
    series = made(tmp_path)
    series.add(NS, LIVE, QUOTE.encode(), b"x" * BLOCK_BYTES)
    assert len(records_so_far(tmp_path)) == 1
    series.close("")


def test_a_segment_ends_at_its_size_and_the_clock_goes_on_in_the_next(tmp_path: Path) -> None:
    series = made(tmp_path, segment_mb=0.00001)
    add(series, quote(1), quote(2))
    series.write()
    add(series, quote(3), ns=NS + 50)
    series.close("a test's end")
    first, second = segments(tmp_path)
    assert first.meta is not None
    assert second.meta is not None
    assert (first.meta.begun_ns, second.meta.begun_ns) == (NS, NS + 1)
    assert len(records(tmp_path)) == 3


@pytest.mark.parametrize("minutes", [60, 1440])
def test_a_segment_ends_after_its_time_and_at_midnight(tmp_path: Path, minutes: int) -> None:
    series = made(tmp_path, segment_minutes=minutes)
    add(series, quote(1))
    series.write()
    began_ns = time.time_ns()
    ends_ns = min(began_ns + 60 * minutes * 10**9, next_midnight(began_ns))
    if ends_ns - began_ns > 10**9 * 60:
        series.check(began_ns, time.monotonic())
        assert segments(tmp_path)[0].index() is None
    series.check(ends_ns + 10**9, time.monotonic())
    assert segments(tmp_path)[0].index() is not None
    assert next_midnight(next_midnight(began_ns)) - next_midnight(began_ns) == 24 * HOUR_NS
    series.close("")


def test_no_file_is_ever_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_writer.time, "time_ns", lambda: NS)
    for seq in (1, 2, 3):
        series = made(tmp_path)
        add(series, quote(seq))
        series.close("")
    names = [segment.path.name for segment in segments(tmp_path)]
    assert names == ["22-13-20.000Z.feedd", "22-13-20.001Z.feedd", "22-13-20.002Z.feedd"]
    assert len(records(tmp_path)) == 3


@pytest.mark.parametrize(
    ("before_ns", "begun_ns"), [(None, NS), (NS - 10**9, NS - 10**9), (NS - HOUR_NS - 1, NS)]
)
def test_the_clock_goes_on_from_an_end_not_long_ago(
    tmp_path: Path, before_ns: int | None, begun_ns: int
) -> None:
    series = made(tmp_path, clock_ns=before_ns)
    series.add_notice(StateChange("", "history", None), time.time_ns())
    add(series, quote(1))
    series.close("")
    meta = segments(tmp_path)[0].meta
    assert meta is not None
    assert meta.begun_ns == begun_ns


def test_a_removed_segment_is_reported_in_the_next(tmp_path: Path) -> None:
    series = made(tmp_path, fsync_s=0.05)
    add(series, quote(1))
    series.write()
    for path in tmp_path.rglob("*.feedd"):
        path.unlink()
    series.check(time.time_ns(), time.monotonic() + 1)
    add(series, quote(2))
    series.close("")
    told, frame = records(tmp_path)
    assert frame.payload == quote(2)[1]
    change = msgspec.msgpack.decode(told.payload, type=StateChange)
    assert change.state == "unwritten"
    assert "removed while it was being written" in str(change.reason)


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Have the system refuse longer files to this process (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_unwritten_records_are_reported_before_the_stream_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where not even a segment can be begun, and where it fails several times in a row."""
    monkeypatch.setattr(series_writer, "RETRY_S", 0.0)
    series = made(tmp_path)
    add(series, quote(1), quote(2))
    series.write()
    size = segments(tmp_path)[0].path.stat().st_size
    with no_file_larger_than(size):
        add(series, quote(3), quote(4), ns=NS + 10)
        series.write()
        add(series, quote(5), ns=NS + 20)
        with no_file_larger_than(0):
            series.write()
        assert series.lost_records is not None
        assert series.lost == 3
    add(series, quote(6), ns=NS + 30)
    series.write()
    assert series.lost_records is None
    series.close("")
    found = records_so_far(tmp_path)
    frames = [one.payload for one in found if one.kind == LIVE]
    assert frames == [quote(seq)[1] for seq in (1, 2, 6)]
    told = [one for one in found if one.kind == NOTICE]
    assert [one.topic for one in told] == [b"StateChange", b"Gap"]
    gap = msgspec.msgpack.decode(told[1].payload, type=Gap)
    assert gap == Gap(QUOTE, 1, 3, 5, "the recorder could not write: File too large")
    assert found.index(told[1]) == 3
    assert len(segments(tmp_path)) == 2, "a file that is refused is not written to again"


def test_a_disk_that_refuses_blocks_is_not_filled_with_empty_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_writer, "RETRY_S", 0.0)
    series = made(tmp_path)
    with no_file_larger_than(256):  # enough for a segment's head
        for seq in range(1, 6):
            series.add(NS, LIVE, *quote(seq))
            series.add_notice(StateChange("", "history", os.urandom(256).hex()), NS)
            series.write()
        assert series.lost == 10
        assert segments(tmp_path) == []
    series.close("")
    assert len(segments(tmp_path)) == 1


def test_written_records_survive_without_room_for_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fdatasync = os.fdatasync

    def counted(file: int) -> None:
        fdatasync(file)
        synced.append(os.fstat(file).st_size)

    monkeypatch.setattr(os, "fdatasync", counted)
    series = made(tmp_path)
    add(series, quote(1))
    series.write()
    size = segments(tmp_path)[0].path.stat().st_size
    with no_file_larger_than(size):
        series.close("")
    assert segments(tmp_path)[0].index() is None
    assert synced == [size]


def test_a_lasting_failure_holds_no_more_than_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_writer, "RETRY_S", 1000.0)
    series = made(tmp_path)
    with no_file_larger_than(0):
        for at in range(5):
            series.add(NS + at, LIVE, QUOTE.encode(), b"x" * BLOCK_BYTES)
        assert series._held == []
        assert series.lost == 5
        series.close("")


def test_an_intermittently_full_disk_is_logged_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_writer, "RETRY_S", 0.0)
    said = Said()
    series = made(tmp_path, said=said)
    for seq in range(1, 11):
        add(series, quote(2 * seq))
        with no_file_larger_than(0):
            series.write()
        add(series, quote(2 * seq + 1))
        series.write()
    series.close("")
    told = [event for event in said.events if "could not be written" in event]
    assert len(told) == 2
    assert "it is retried" in told[0]
    assert "writes again" in told[1]
    assert series.lost == 10
    monkeypatch.setattr(series_writer, "LOG_EVERY_S", 0.0)
    add(series, quote(30))
    with no_file_larger_than(0):
        series.write()
    assert len([event for event in said.events if "it is retried" in event]) == 2
    series.close("")

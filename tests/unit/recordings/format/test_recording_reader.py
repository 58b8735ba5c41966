"""Folders of segments: the files read, their time ranges, and reported damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, NOTICE
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.segment_reader import SegmentReader
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter

BEGUN_NS = 1_723_100_000_000_000_000
MINUTE_NS = 60_000_000_000
TOPIC = b"quote.test.A/B."


def write(path: Path, begun_ns: int = BEGUN_NS, *, blocks: int = 3) -> Path:
    """Write a segment of a block a second, each with a quote and behind it a notice."""
    writer = SegmentWriter(
        path, SegmentMeta(exchange="test", prefixes=("",), begun_ns=begun_ns, made_by="a test")
    )
    for block in range(blocks):
        writer.add(begun_ns + block * 10**9, NOTICE, b"StateChange", b"before %d" % block)
        writer.add(begun_ns + block * 10**9, LIVE, TOPIC, b"quote %d" % block)
        writer.add(begun_ns + block * 10**9, NOTICE, b"StateChange", b"after %d" % block)
        writer.write_block()
    writer.close("the end")
    return path


def test_a_file_without_a_time_matches_every_time_range(
    tmp_path: Path,
) -> None:
    for minute in range(3):
        write(tmp_path / f"{minute}.feedd", BEGUN_NS + minute * MINUTE_NS)
    # As a machine leaves it that lost its power.
    (tmp_path / "1.feedd").write_bytes(bytes(5000))
    (tmp_path / "3.feedd").write_bytes(b"")
    recording = RecordingReader([tmp_path])
    assert recording.begun_ns == BEGUN_NS  # what `13:00` counts from, and where a picture begins
    for begins, ends in ((None, None), (BEGUN_NS + MINUTE_NS, BEGUN_NS + MINUTE_NS + 10**9)):
        damages = [
            one.what for one in recording.entries(begins, ends) if isinstance(one.what, Damage)
        ]
        assert [(one.path.name, one.from_ns, one.to_ns) for one in damages] == [
            ("1.feedd", None, None), ("3.feedd", None, None),
        ]  # fmt: skip


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "one.feedd")
    (tmp_path / "again").symlink_to(tmp_path)
    once = list(RecordingReader([tmp_path]).entries())
    for paths in ([path, path], [path, tmp_path], [tmp_path, tmp_path / "again" / "one.feedd"]):
        assert list(RecordingReader(paths).entries()) == once


def test_the_clock_goes_on_behind_a_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "one.feedd")
    index = SegmentReader(path).index()
    assert index is not None
    data = bytearray(path.read_bytes())
    data[index.blocks[1].offset + 80] ^= 0xFF
    path.write_bytes(data)
    behind_ns = BEGUN_NS + 10**9
    # The notice after the lost block is delivered at the time where the lost block ended.
    found = [(one.at_ns, one.what) for one in RecordingReader([path]).entries(behind_ns)]
    assert isinstance(found[0][1], Damage)
    assert [
        (at_ns - BEGUN_NS, what.payload) for at_ns, what in found if not isinstance(what, Damage)
    ] == [(10**9, b"before 2"), (2 * 10**9, b"quote 2"), (2 * 10**9, b"after 2")]


def test_an_index_of_another_file_is_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "one.feedd")
    other = write(tmp_path / "other.feedd", BEGUN_NS + MINUTE_NS, blocks=9)
    whole = path.read_bytes()
    index = SegmentReader(path).index()
    assert index is not None
    # Cut off within its index, and what stood on the disk behind it.
    path.write_bytes(whole[:-10] + other.read_bytes())
    assert SegmentReader(path).index() is None
    path.write_bytes(whole + other.read_bytes())
    assert SegmentReader(path).index() == index


def test_a_missing_folder_is_reported_as_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none: can't be read: No such file or directory"):
        RecordingReader([tmp_path / "none"])

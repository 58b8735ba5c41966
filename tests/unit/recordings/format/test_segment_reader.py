"""One segment of a recording: its records, and the damage it reports."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, NOTICE, REPLAYED, SNAPSHOT, BlockRecord
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.segment_reader import SegmentExtent, SegmentReader
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter

BEGUN_NS = 1_723_100_000_000_000_000
META = SegmentMeta(exchange="binanceusdm", prefixes=("",), begun_ns=BEGUN_NS, made_by="a test")
TOPICS = (b"quote.binanceusdm.BTC/USDT:USDT.", b"trade.binanceusdm.ETH/USDT:USDT.")


def records_of_block(block: int, count: int = 3) -> list[BlockRecord]:
    """Return a block's records, one ns apart, each with a distinct payload."""
    return [
        BlockRecord(
            BEGUN_NS + 10 * block + i, LIVE, TOPICS[i % 2], b"payload %d of block %d" % (i, block)
        )
        for i in range(count)
    ]


def write(path: Path, blocks: int = 4, *, finish: bool = True) -> list[list[BlockRecord]]:
    """Write a segment; return its blocks."""
    writer = SegmentWriter(path, META)
    written = [records_of_block(block) for block in range(blocks)]
    for records in written:
        for record in records:
            writer.add(record.ns, record.kind, record.topic, record.payload)
        writer.write_block()
    if finish:
        writer.close("a test's end")
    else:
        writer.abandon()
    return written


def read(path: Path) -> tuple[list[BlockRecord], list[Damage]]:
    """Return the records and the damages."""
    found = list(SegmentReader(path).records())
    records = [one for one in found if isinstance(one, BlockRecord)]
    return records, [one for one in found if isinstance(one, Damage)]


def missing_and_told(
    blocks: list[list[BlockRecord]], path: Path
) -> tuple[list[BlockRecord], list[Damage]]:
    """Return what is missing; fail for a wrong record, or one that is missing in no range."""
    written = [record for block in blocks for record in block]
    records, damages = read(path)
    remaining = iter(written)
    assert all(record in remaining for record in records)  # of those written, in their order
    missing = [record for record in written if record not in set(records)]
    for record in missing:
        assert any(
            (damage.from_ns is None or damage.from_ns <= record.ns)
            and (damage.to_ns is None or record.ns <= damage.to_ns)
            for damage in damages
        ), f"{record} is in none of {damages}"
    return missing, damages


def test_written_records_are_read_back_in_order(tmp_path: Path) -> None:
    written = [
        BlockRecord(BEGUN_NS - 5, SNAPSHOT, TOPICS[0], b"old"),
        BlockRecord(BEGUN_NS + 1, LIVE, TOPICS[0], b""),
        BlockRecord(BEGUN_NS + 9, NOTICE, b"Gap", b"\x80"),
        BlockRecord(BEGUN_NS + 2, REPLAYED, TOPICS[1], b"x" * 100_000),
    ]
    writer = SegmentWriter(tmp_path / "one.feedd", META)
    for record in written:
        writer.add(record.ns, record.kind, record.topic, record.payload)
    writer.close("stop")
    assert read(tmp_path / "one.feedd") == (written, [])
    reader = SegmentReader(tmp_path / "one.feedd")
    index = reader.index()
    assert reader.meta == META
    assert index is not None
    assert index.ended == "stop"
    assert (index.notices, sum(index.topics.values())) == (1, 3)
    # Neither a snapshot nor a notice moves the clock.
    assert [(b.first_ns, b.last_ns, b.records) for b in index.blocks] == [
        (BEGUN_NS, BEGUN_NS + 2, 4)
    ]


def test_every_flipped_byte_costs_at_most_one_block_and_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    blocks = write(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for mask in (0x01, 0x80, 0xFF):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
            missing, damages = missing_and_told(blocks, path)
            assert damages, f"byte {place} was flipped, and nothing was told"
            assert not missing or missing in blocks, f"byte {place} cost {missing}"


def test_every_truncation_keeps_the_blocks_before_it_and_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    blocks = write(path)
    whole = path.read_bytes()
    index = SegmentReader(path).index()
    assert index is not None
    ends = [block.offset for block in index.blocks[1:]]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        missing, damages = missing_and_told(blocks, path)
        assert damages[-1].to_ns is None or not missing
        assert damages, f"cut off at {size}, and nothing was told"
        assert len(missing) <= 3 * (4 - sum(end <= size for end in ends))


def test_the_range_of_a_lost_block_is_exact_where_the_index_knows_it(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    write(path)
    index = SegmentReader(path).index()
    assert index is not None
    data = bytearray(path.read_bytes())
    data[index.blocks[1].offset : index.blocks[3].offset] = b"\0" * 7
    path.write_bytes(data)
    damages = read(path)[1]
    assert [(d.from_ns, d.to_ns, d.records) for d in damages] == [(BEGUN_NS + 10, BEGUN_NS + 22, 6)]


def test_a_duplicate_block_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    blocks = write(path)
    index = SegmentReader(path).index()
    assert index is not None
    data = path.read_bytes()
    second, third = index.blocks[1].offset, index.blocks[2].offset
    path.write_bytes(data[:third] + data[second:third] + data[third:])
    missing, damages = missing_and_told(blocks, path)
    assert not missing
    assert len(damages) == 1


def test_a_block_of_another_file_is_no_part_of_this(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    blocks = write(path)
    other = tmp_path / "other.feedd"
    write(other)
    index, other_index = SegmentReader(path).index(), SegmentReader(other).index()
    assert index is not None
    assert other_index is not None
    mine, at = path.read_bytes(), index.blocks[2].offset
    stray = other.read_bytes()[other_index.blocks[2].offset : other_index.blocks[3].offset]
    path.write_bytes(mine[:at] + stray + mine[at:])
    missing, damages = missing_and_told(blocks, path)
    assert not missing
    assert len(damages) == 1


def test_an_unfinished_segment_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    blocks = write(path, finish=False)
    missing, damages = missing_and_told(blocks, path)
    assert not missing
    assert [(d.from_ns, d.to_ns, d.records) for d in damages] == [(BEGUN_NS + 32, None, None)]


def test_blocks_outside_a_range_are_left_unread(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    blocks = write(path)
    index = SegmentReader(path).index()
    assert index is not None
    data = bytearray(path.read_bytes())
    data[index.blocks[1].offset - 1] ^= 0xFF  # of the first block, which is not requested
    path.write_bytes(data)
    found = list(SegmentReader(path).blocks(BEGUN_NS + 11, BEGUN_NS + 22))
    assert found == blocks[1:3]


def test_a_file_that_is_not_a_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("symbol,timestamp\nBTC/USDT,1\n")
    with pytest.raises(ConfigError, match="is not a recording"):
        SegmentReader(path)
    with pytest.raises(ConfigError, match="can't be read"):
        SegmentReader(tmp_path / "none.feedd")


def test_a_write_that_fails_leaves_whole_blocks_and_the_records_wait(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415  only here

    path = tmp_path / "one.feedd"
    writer = SegmentWriter(path, META)
    first = records_of_block(0)
    for record in first:
        writer.add(record.ns, record.kind, record.topic, record.payload)
    writer.write_block()
    size = path.stat().st_size
    noise = os.urandom(50_000)
    writer.add(BEGUN_NS + 50, LIVE, TOPICS[0], noise)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            writer.write_block()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.stat().st_size == size
    assert writer.buffered == 1
    writer.write_block()
    writer.close("stop")
    assert read(path) == ([*first, BlockRecord(BEGUN_NS + 50, LIVE, TOPICS[0], noise)], [])


def test_an_extent_is_the_files_time_range(tmp_path: Path) -> None:
    path = tmp_path / "one.feedd"
    write(path, 2)
    size = path.stat().st_size
    extent = SegmentReader(path).extent()
    assert extent == SegmentExtent(BEGUN_NS + 12, size, size, finished=True)
    index = SegmentReader(path).index()
    assert index is not None
    second = index.blocks[1].offset
    os.truncate(path, second + 70)  # within the second block
    assert SegmentReader(path).extent() == SegmentExtent(
        BEGUN_NS + 2, second, second + 70, finished=False
    )
    os.truncate(path, index.blocks[0].offset)
    assert SegmentReader(path).extent().last_ns is None


def test_an_index_counts_frames_by_topic_and_notices_apart(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "one.feedd", META)
    for kind, topic in ((LIVE, TOPICS[0]), (NOTICE, b"Gap"), (SNAPSHOT, TOPICS[0])):
        writer.add(BEGUN_NS, kind, topic, b"")
    writer.close("stop")
    index = SegmentReader(tmp_path / "one.feedd").index()
    assert index is not None
    assert (index.topics, index.notices) == ({TOPICS[0].decode(): 2}, 1)


def test_a_segment_knows_when_it_ended_without_being_read(tmp_path: Path) -> None:
    """Also one that was cut off: then it is the end of what is whole."""
    path = tmp_path / "a.feedd"
    writer = SegmentWriter(path, META)
    for number in range(1, 4):
        writer.add(BEGUN_NS + number, LIVE, TOPICS[0], b"x")
        writer.write_block()
    assert SegmentReader(path).ended_ns == BEGUN_NS + 3
    size = path.stat().st_size
    writer.close("done")
    assert SegmentReader(path).ended_ns == BEGUN_NS + 3
    os.truncate(path, size - 1)
    assert SegmentReader(path).ended_ns == BEGUN_NS + 3  # its header is whole
    os.truncate(path, size // 2)
    assert BEGUN_NS <= SegmentReader(path).ended_ns < BEGUN_NS + 3

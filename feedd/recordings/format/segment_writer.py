"""Segment writer: one file of a recording, with a meta chunk, blocks of records, and an index.

It only appends. Each block is compressed (zstd) and has its own checksum: torn or flipped bytes
cost that block, and a reader reports its range. See docs/recording.md.

A recording's clock is the latest `published_ns` of the live and replayed messages so far, and
`begun_ns` before the first: it never goes back. All ranges are times of this clock.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import zstandard
from msgspec import Struct

from feedd.recordings.format import chunks
from feedd.recordings.format.block_records import NOTICE, SNAPSHOT, BlockBuilder
from feedd.recordings.format.segment_schema import IndexedBlock, SegmentIndex

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.recordings.format.segment_schema import SegmentMeta


BLOCK_BYTES = 1 << 18  # of a block's records, uncompressed
LEVEL = 3  # zstd's default
_CLOCKLESS = (SNAPSHOT, NOTICE)  # kinds whose `ns` does not move the recording's clock


class DroppedBlock(Struct, frozen=True):
    """Records that were not written, and the recording's clock at the first and the last."""

    first_ns: int
    last_ns: int
    records: int


class SegmentWriter:
    """Writes a new file. It buffers records until the caller calls `write_block`.

    File operations raise OSError; the file then ends with its last whole chunk.
    """

    def __init__(self, path: Path, meta: SegmentMeta) -> None:
        """Create the file; raise FileExistsError if it exists."""
        self.path = path
        self.size = 0  # of the file, in bytes
        self.clock_ns = meta.begun_ns
        self._segment = secrets.randbits(64)
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._block = BlockBuilder()
        self._first_ns = meta.begun_ns  # the clock at the first buffered record
        self._blocks: list[IndexedBlock] = []
        self._topics: Counter[bytes] = Counter()
        self._notices = 0
        payload = msgspec.json.encode(meta)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        # A reader sees by this lock that the file is not cut off. Not every file system has locks.
        with suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            self._append(
                chunks.pack(
                    chunks.META, self._segment, 0, payload, raw_length=len(payload),
                    first_ns=meta.begun_ns, last_ns=meta.begun_ns,
                )
            )  # fmt: skip
        except OSError:
            os.close(self._file)
            path.unlink()
            raise

    @property
    def blocks(self) -> int:
        """Number of blocks written."""
        return len(self._blocks)

    @property
    def buffered(self) -> int:
        """Number of buffered records."""
        return self._block.records

    @property
    def block_full(self) -> bool:
        """Whether the caller should call `write_block`."""
        return len(self._block) >= BLOCK_BYTES or self._block.full

    def add(self, ns: int, kind: int, topic: bytes, payload: bytes) -> None:
        """Buffer a record."""
        if ns > self.clock_ns and kind not in _CLOCKLESS:
            self.clock_ns = ns
        block = self._block
        if not block.records:
            self._first_ns = self.clock_ns
        block.add(ns, kind, topic, payload)

    def write_block(self) -> None:
        """Write the buffered records, if any; after an OSError they stay buffered."""
        block = self._block
        if not block.records:
            return
        raw = block.packed()
        chunk = chunks.pack(
            chunks.BLOCK, self._segment, len(self._blocks), self._compressor.compress(raw),
            raw_length=len(raw), records=block.records,
            first_ns=self._first_ns, last_ns=self.clock_ns,
        )  # fmt: skip
        offset = self.size
        self._append(chunk)
        self._blocks.append(IndexedBlock(offset, block.records, self._first_ns, self.clock_ns))
        self._topics.update(block.messages)
        self._notices += block.notices
        block.clear()

    def drop_block(self) -> DroppedBlock:
        """Drop the buffered records, and return their number and range."""
        lost = DroppedBlock(self._first_ns, self.clock_ns, self._block.records)
        self._block.clear()
        return lost

    def sync(self) -> None:
        """Flush to the disk (fdatasync(2))."""
        os.fdatasync(self._file)

    def close(self, ended: str) -> None:
        """Write the buffered records and the index; `ended` is the reason of the end.

        It closes the file in any case. If the disk is full, it still flushes what was written.
        """
        try:
            try:
                self.write_block()
                self._append(self._index(ended))
            finally:
                self.sync()
        finally:
            os.close(self._file)

    def _index(self, ended: str) -> bytes:
        index = SegmentIndex(
            tuple(self._blocks),
            {topic.decode(): count for topic, count in self._topics.items() if count},
            self._notices,
            ended,
        )
        raw = msgspec.msgpack.encode(index)
        return chunks.pack(
            chunks.INDEX, self._segment, len(self._blocks), self._compressor.compress(raw),
            raw_length=len(raw), first_ns=self.clock_ns, last_ns=self.clock_ns,
        )  # fmt: skip

    def abandon(self) -> None:
        """Close the file without an index."""
        os.close(self._file)

    def _append(self, chunk: bytes) -> None:
        left = memoryview(chunk)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += len(chunk)

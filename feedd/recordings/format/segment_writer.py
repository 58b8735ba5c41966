"""One file of a recording, written: a meta chunk, blocks of records, an index.

The file is only ever appended to. Each block is compressed (zstd) and checked by itself: what is
torn or flipped costs that block, and reading tells which range it was. See docs/recording.md.

A recording's clock is the latest `published_ns` of the frames so far that came live or replayed,
and `begun_ns` before the first: it never goes back, and all ranges are told by it.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import zstandard
from msgspec import Struct

from feedd.recordings.format import chunks
from feedd.recordings.format.block_records import NOTICE, SNAPSHOT, BlockBuilder

if TYPE_CHECKING:
    from pathlib import Path


SUFFIX = ".feedd"
VERSION = 1  # of the format
BLOCK_BYTES = 1 << 18  # a block's records before they are compressed
LEVEL = 3  # zstd's default
_CLOCKLESS = (SNAPSHOT, NOTICE)  # kinds whose `ns` does not move the recording's clock


class SegmentMeta(Struct, frozen=True, kw_only=True):
    """What a segment is of. `begun_ns` is since the epoch, and where the recording's clock starts.

    `made_by` says which program wrote it, `prefixes` of which topics, `exchange` whose.
    """

    exchange: str
    prefixes: tuple[str, ...]
    begun_ns: int
    made_by: str
    version: int = VERSION


class IndexedBlock(Struct, frozen=True, array_like=True):
    """A block's place in the file, and what its header says."""

    offset: int
    records: int
    first_ns: int
    last_ns: int


class SegmentIndex(Struct, frozen=True):
    """What stands at the end of a finished segment; `topics` has each topic's number of frames."""

    blocks: tuple[IndexedBlock, ...]
    topics: dict[str, int]
    notices: int
    ended: str


class DroppedBlock(Struct, frozen=True):
    """Records that could not be kept: the recording's clock at the first and at the last."""

    first_ns: int
    last_ns: int
    records: int


class SegmentWriter:
    """Writes a new file. Records wait in memory until `write_block`; nothing is done by itself.

    What touches the file raises OSError, and then the file ends with its last whole chunk.
    """

    def __init__(self, path: Path, meta: SegmentMeta) -> None:
        """Create the file; FileExistsError where there is one."""
        self.path = path
        self.size = 0  # bytes, in the file
        self.clock_ns = meta.begun_ns
        self._segment = secrets.randbits(64)
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._block = BlockBuilder()
        self._first_ns = meta.begun_ns  # the clock at the first record that waits
        self._blocks: list[IndexedBlock] = []
        self._topics: Counter[bytes] = Counter()
        self._notices = 0
        payload = msgspec.json.encode(meta)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
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
        """How many blocks were written."""
        return len(self._blocks)

    @property
    def waiting(self) -> int:
        """How many records wait to be written."""
        return self._block.records

    @property
    def block_full(self) -> bool:
        """Whether it is time for `write_block`."""
        return len(self._block) >= BLOCK_BYTES or self._block.full

    def add(self, ns: int, kind: int, topic: bytes, payload: bytes) -> None:
        """Add a record to those that wait."""
        if ns > self.clock_ns and kind not in _CLOCKLESS:
            self.clock_ns = ns
        block = self._block
        if not block.records:
            self._first_ns = self.clock_ns
        block.add(ns, kind, topic, payload)

    def write_block(self) -> None:
        """Write the records that wait, if there are any; after an OSError they still wait."""
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
        self._topics.update(block.frames)
        self._notices += block.notices
        block.clear()

    def drop_block(self) -> DroppedBlock:
        """Forget the records that wait, and return what they were."""
        lost = DroppedBlock(self._first_ns, self.clock_ns, self._block.records)
        self._block.clear()
        return lost

    def sync(self) -> None:
        """Have what was written survive the machine (fdatasync(2))."""
        os.fdatasync(self._file)

    def close(self, ended: str) -> None:
        """Write what waits, and the index; `ended` says why.

        The file is closed in any case; where there is no room for the index, what was written
        before survives the machine all the same.
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
            {topic.decode("ascii"): frames for topic, frames in self._topics.items() if frames},
            self._notices,
            ended,
        )
        raw = msgspec.msgpack.encode(index)
        return chunks.pack(
            chunks.INDEX, self._segment, len(self._blocks), self._compressor.compress(raw),
            raw_length=len(raw), first_ns=self.clock_ns, last_ns=self.clock_ns,
        )  # fmt: skip

    def abandon(self) -> None:
        """Close the file as it is."""
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

"""Segment reader: the records of one file in order, with each damage in its place.

Whatever bytes the file has, it yields no record that was not written, and reports what is missing.
"""

from __future__ import annotations

import fcntl
import os
from functools import cached_property
from pathlib import Path  # noqa: TC003  msgspec reads the annotations
from typing import TYPE_CHECKING

import msgspec
import zstandard
from msgspec import Struct

from feedd.errors import ConfigError
from feedd.recordings.format import chunks
from feedd.recordings.format.block_records import unpack_block
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.segment_schema import VERSION, SegmentIndex, SegmentMeta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.recordings.format.block_records import BlockRecord
    from feedd.recordings.format.chunks import ChunkHeader


_NO_INDEX = "ends without an index: still being written"
_WINDOW_BYTES = 1 << 20  # read at once to find the next chunk
_INDEX_BYTES = 1 << 24  # from the end, in which to find the index


class SegmentExtent(Struct, frozen=True):
    """How much of a segment is complete.

    `last_ns` is the recording's clock at the end of the last whole block, None if there is none.
    The first `whole` bytes of the file's `size` are whole chunks. `finished`: it has its index.
    """

    last_ns: int | None
    whole: int
    size: int
    finished: bool


class SegmentReader:
    """A segment, finished or still being written.

    Raises ConfigError for a file that can't be read or is not a recording. If it is `known` to be
    one, such a file is a recording that is damaged from end to end.
    """

    def __init__(self, path: Path, *, known: bool = False) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._read_meta(file.fileno(), known=known)
        except OSError as error:
            raise ConfigError(f"{path}: can't be read: {error.strerror}") from None

    @property
    def begun_ns(self) -> int:
        """Begin of the segment; of its first whole block if its head is damaged."""
        if self.meta is not None:
            return self.meta.begun_ns
        blocks = (head for head in self.headers() if head.kind != chunks.META)
        return next((head.first_ns for head in blocks), 0)

    def headers(self) -> Iterator[ChunkHeader]:
        """Yield the valid headers of its chunks, without reading anything else."""
        with self.path.open("rb") as file:
            yield from (head for _, head in _headers(file.fileno(), 0, None))

    @property
    def ended_ns(self) -> int:
        """The recording's clock at the end of the last chunk with a valid header."""
        return max((head.last_ns for head in self.headers()), default=0)

    def _read_meta(self, file: int, *, known: bool) -> None:
        self.meta: SegmentMeta | None = None  # None if it is damaged
        start = os.pread(file, chunks.HEADER_BYTES, 0)
        head = chunks.header(start)
        if head is not None and head.kind == chunks.META:
            payload = os.pread(file, head.length, chunks.HEADER_BYTES)
            if chunks.intact(head, payload):
                self.meta = _meta(self.path, payload)
        elif (
            not known
            and not start.startswith(chunks.MAGIC[: len(start)])
            and not any(_headers(file, 0, None))
        ):
            raise ConfigError(f"{self.path}: is not a recording of feedd")

    def index(self) -> SegmentIndex | None:
        """Return the index; None if the segment is unfinished, or its end is damaged."""
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = max(0, size - _INDEX_BYTES)
            data = os.pread(file.fileno(), size - start, start)
            first = next(_headers(file.fileno(), 0, None), None)
        at = len(data)
        while (at := data.rfind(chunks.MAGIC, 0, at)) >= 0:
            head = chunks.header(data, at)
            if head is None or first is None or head.segment != first[1].segment:
                continue  # of another file
            if head.kind == chunks.INDEX:
                payload = data[at + chunks.HEADER_BYTES :][: head.length]
                raw = _decompressed(head, payload)
                return None if raw is None else msgspec.msgpack.decode(raw, type=SegmentIndex)
        return None

    def extent(self) -> SegmentExtent:
        """Return how much is complete; reads only the headers of chunks."""
        last_ns, whole, finished = None, 0, False
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for offset, head in _headers(file.fileno(), 0, None):
                end = offset + chunks.HEADER_BYTES + head.length
                if end > size:
                    break
                whole, finished = end, head.kind == chunks.INDEX
                last_ns = head.last_ns if head.kind == chunks.BLOCK else last_ns
        return SegmentExtent(last_ns, whole, size, finished)

    def records(
        self, from_ns: int | None = None, to_ns: int | None = None
    ) -> Iterator[BlockRecord | Damage]:
        """Yield the records, and each damage in its place; see `blocks`."""
        for block in self.blocks(from_ns, to_ns):
            if isinstance(block, Damage):
                yield block
            else:
                yield from block

    def blocks(
        self, from_ns: int | None = None, to_ns: int | None = None
    ) -> Iterator[list[BlockRecord] | Damage]:
        """Yield whole blocks, and each damage in its place.

        It skips blocks outside of the given range of the recording's clock without reading them,
        and yields all records of the other blocks, some of which may be outside of the range.
        """
        with self.path.open("rb") as file:
            yield from _SegmentPass(self, file.fileno()).blocks(from_ns, to_ns)


class _SegmentPass:
    """One pass over a segment, from start to end."""

    def __init__(self, reader: SegmentReader, file: int) -> None:
        self._reader = reader
        self._path = reader.path
        self._file = file
        self._number = 0  # of the next block
        self._being_written = _is_being_written(file)
        self._clock_ns = None if reader.meta is None else reader.meta.begun_ns
        self._wrong: str | None = None if reader.meta is not None else "the head is damaged"

    def blocks(
        self, from_ns: int | None, to_ns: int | None
    ) -> Iterator[list[BlockRecord] | Damage]:
        at = 0
        for offset, head in _headers(self._file, 0, None):
            if offset > at and self._wrong is None:
                self._wrong = f"{offset - at} bytes from {at} on are not part of a recording"
            at = offset + chunks.HEADER_BYTES + head.length
            if head.kind == chunks.INDEX:
                yield from self._end(head, offset)
                yield from self._trailing(at)
                return
            if head.kind != chunks.BLOCK:
                continue
            if head.number < self._number:
                yield self._damage(
                    head.first_ns, head.last_ns, 0, f"a block is repeated at {offset}"
                )
                continue
            yield from self._missing(head)
            self._number = head.number + 1
            if to_ns is not None and head.first_ns > to_ns:
                return
            if from_ns is not None and head.last_ns < from_ns:
                self._clock_ns = head.last_ns
                continue
            block = self._block(head, offset)
            if block is None and os.fstat(self._file).st_size < at:
                yield self._unfinished(head.first_ns, f"ends within the block at {offset}")
                return
            yield block or self._damage(
                head.first_ns, head.last_ns, head.records, f"the block at {offset} is damaged"
            )
            self._clock_ns = head.last_ns
        size = os.fstat(self._file).st_size
        rest = f"; unknown bytes follow byte {at}" if size > at else ""
        if self._wrong is not None:
            yield self._damage(self._clock_ns, None, None, self._wrong)
        else:
            yield self._unfinished(self._clock_ns, f"{_NO_INDEX}, or cut off{rest}")

    @cached_property
    def _index(self) -> SegmentIndex | None:
        return self._reader.index()

    def _block(self, head: ChunkHeader, offset: int) -> list[BlockRecord] | None:
        payload = os.pread(self._file, head.length, offset + chunks.HEADER_BYTES)
        raw = _decompressed(head, payload)
        if raw is None:
            return None
        try:
            return unpack_block(raw, head.records)
        except ValueError:
            return None

    def _missing(self, head: ChunkHeader) -> Iterator[Damage]:
        """Report what is missing between the last block and the found block or index."""
        wrong, self._wrong = self._wrong, None
        if head.number == self._number and wrong is None:
            return
        lost: int | None = None
        first_ns, last_ns = self._clock_ns, head.first_ns
        index = self._index
        if index is not None:
            blocks = index.blocks[self._number : head.number]
            lost = sum(block.records for block in blocks)
            if blocks:
                first_ns, last_ns = blocks[0].first_ns, blocks[-1].last_ns
        elif head.number == self._number:
            lost = 0
        yield self._damage(first_ns, last_ns, lost, wrong or "blocks are missing")

    def _end(self, head: ChunkHeader, offset: int) -> Iterator[Damage]:
        yield from self._missing(head)
        payload = os.pread(self._file, head.length, offset + chunks.HEADER_BYTES)
        if _decompressed(head, payload) is None:
            why = "the index is damaged; all records before it are intact"
            yield self._damage(head.first_ns, head.last_ns, 0, why)

    def _trailing(self, end: int) -> Iterator[Damage]:
        more = os.fstat(self._file).st_size - end
        if more > 0:
            yield self._damage(self._clock_ns, None, None, f"{more} bytes follow the end")

    def _unfinished(self, from_ns: int | None, why: str) -> Damage:
        """Return the end of a file without an index, which its writer may still hold open."""
        if self._being_written:
            return Damage(self._path, from_ns, None, None, _NO_INDEX, being_written=True)
        return self._damage(from_ns, None, None, why)

    def _damage(
        self, from_ns: int | None, to_ns: int | None, records: int | None, why: str
    ) -> Damage:
        return Damage(self._path, from_ns, to_ns, records, why)


def _is_being_written(file: int) -> bool:
    """Whether a writer holds the file's lock, which ends with the writer."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _meta(path: Path, payload: bytes) -> SegmentMeta:
    """Decode the meta chunk; raise ConfigError for an unknown version."""
    try:
        meta = msgspec.json.decode(payload, type=SegmentMeta)
    except msgspec.DecodeError:
        meta = None
    if meta is None or meta.version != VERSION:
        raise ConfigError(
            f"{path}: was written by a newer feedd; this one reads format version {VERSION}"
        )
    return meta


def _headers(file: int, at: int, segment: int | None) -> Iterator[tuple[int, ChunkHeader]]:
    """Yield headers of chunks with their offsets; the first one determines the segment."""
    while True:
        head = chunks.header(os.pread(file, chunks.HEADER_BYTES, at))
        if head is None or segment not in (None, head.segment):
            found = _search(file, at + 1, segment)
            if found is None:
                return
            at, head = found
        segment = head.segment
        yield at, head
        at += chunks.HEADER_BYTES + head.length


def _search(file: int, at: int, segment: int | None) -> tuple[int, ChunkHeader] | None:
    """Return the next header from an offset on."""
    while data := os.pread(file, _WINDOW_BYTES + chunks.HEADER_BYTES, at):
        found = data.find(chunks.MAGIC)
        while 0 <= found < _WINDOW_BYTES:
            head = chunks.header(data, found)
            if head is not None and segment in (None, head.segment):
                return at + found, head
            found = data.find(chunks.MAGIC, found + 1)
        at += _WINDOW_BYTES
    return None


def _decompressed(head: ChunkHeader, payload: bytes) -> bytes | None:
    """Decompress a chunk's payload; None if it is not what was written."""
    if not chunks.intact(head, payload):
        return None
    try:
        raw = _DECOMPRESSOR.decompress(payload, max_output_size=head.raw_length)
    except zstandard.ZstdError:
        return None
    return raw if len(raw) == head.raw_length else None


_DECOMPRESSOR = zstandard.ZstdDecompressor()

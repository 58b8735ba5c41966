"""A file of chunks, each of which can be told from junk by itself: pure, bytes in and out.

    chunk  := header payload
    header := "FDR1" kind:u8 segment:u64 number:u32 length:u32 raw_length:u32 records:u32
              first_ns:i64 last_ns:i64 payload_crc:u32 header_crc:u32          all little-endian

`kind` is META, BLOCK or INDEX; `segment` a random number that all chunks of a file bear, so that
none of another file passes for one of it; `number` counts the blocks, and an index's is how many
there are. `length` bytes of payload follow, `raw_length` of them once decompressed. `first_ns` and
`last_ns` are the recording's clock at the first and the last of its `records`. Both CRCs are
CRC-32 (zlib.crc32), which finds each error of up to 32 bits in a row; the header's is of all of it
before, so that a damaged length can't lead astray.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MAGIC = b"FDR1"
META, BLOCK, INDEX = b"M", b"B", b"I"
MOST_BYTES = 1 << 26  # of a payload, compressed or not: more is no chunk of ours

_HEADER = struct.Struct("<4scQIIIIqqI")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CRC.size


class ChunkHeader(NamedTuple):
    """What a chunk's header says; `length`, `raw_length` in bytes, times in ns."""

    kind: bytes
    segment: int
    number: int
    length: int
    raw_length: int
    records: int
    first_ns: int
    last_ns: int
    payload_crc: int


def pack(
    kind: bytes,
    segment: int,
    number: int,
    payload: bytes,
    *,
    raw_length: int,
    records: int = 0,
    first_ns: int = 0,
    last_ns: int = 0,
) -> bytes:
    """Return a chunk."""
    header = _HEADER.pack(
        MAGIC, kind, segment, number, len(payload), raw_length, records, first_ns, last_ns,
        zlib.crc32(payload),
    )  # fmt: skip
    return b"".join((header, _CRC.pack(zlib.crc32(header)), payload))


def header(data: bytes, at: int = 0) -> ChunkHeader | None:
    """Return the header that stands at a place, or None for what is none, or not whole."""
    if len(data) - at < HEADER_BYTES or data[at : at + len(MAGIC)] != MAGIC:
        return None
    (crc,) = _CRC.unpack_from(data, at + _HEADER.size)
    if zlib.crc32(data[at : at + _HEADER.size]) != crc:
        return None
    found = ChunkHeader(*_HEADER.unpack_from(data, at)[1:])
    return found if max(found.length, found.raw_length) <= MOST_BYTES else None


def intact(found: ChunkHeader, payload: bytes) -> bool:
    """Return whether a payload is the one that its header was written for."""
    return len(payload) == found.length and zlib.crc32(payload) == found.payload_crc

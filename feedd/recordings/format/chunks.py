"""Chunks of a file, each verifiable on its own. Pure: bytes in and out.

    chunk  := header payload
    header := "FDR1" kind:u8 segment:u64 number:u32 length:u32 raw_length:u32 records:u32
              first_ns:i64 last_ns:i64 payload_crc:u32 header_crc:u32          all little-endian

`kind` is META, BLOCK or INDEX. `segment` is a random number that all chunks of a file share, so
that a chunk of another file is detected. `number` counts the blocks; that of an index is the number
of blocks. `length` bytes of payload follow, which decompress to `raw_length`. `first_ns` and
`last_ns` are the recording's clock at the first and the last of the `records`. Both CRCs are CRC-32
(zlib.crc32), which detects every burst of up to 32 wrong bits. The header's CRC covers the whole
header before it, so that a damaged length is detected.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MAGIC = b"FDR1"
META, BLOCK, INDEX = b"M", b"B", b"I"
MAX_PAYLOAD_BYTES = 1 << 26  # compressed or not; a larger one is not a chunk

_HEADER = struct.Struct("<4scQIIIIqqI")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CRC.size


class ChunkHeader(NamedTuple):
    """Header of a chunk; `length` and `raw_length` in bytes, times in ns."""

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
    """Encode a chunk."""
    header = _HEADER.pack(
        MAGIC, kind, segment, number, len(payload), raw_length, records, first_ns, last_ns,
        zlib.crc32(payload),
    )  # fmt: skip
    return b"".join((header, _CRC.pack(zlib.crc32(header)), payload))


def header(data: bytes, at: int = 0) -> ChunkHeader | None:
    """Decode the header at an offset; None if it is invalid or incomplete."""
    if len(data) - at < HEADER_BYTES or data[at : at + len(MAGIC)] != MAGIC:
        return None
    (crc,) = _CRC.unpack_from(data, at + _HEADER.size)
    if zlib.crc32(data[at : at + _HEADER.size]) != crc:
        return None
    found = ChunkHeader(*_HEADER.unpack_from(data, at)[1:])
    return found if max(found.length, found.raw_length) <= MAX_PAYLOAD_BYTES else None


def intact(found: ChunkHeader, payload: bytes) -> bool:
    """Return whether a payload matches its header."""
    return len(payload) == found.length and zlib.crc32(payload) == found.payload_crc

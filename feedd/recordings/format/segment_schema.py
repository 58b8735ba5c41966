"""Schema of a segment file: suffix, meta chunk and index. See docs/recording.md."""

from __future__ import annotations

from msgspec import Struct

SUFFIX = ".feedd"
VERSION = 1  # of the format


class SegmentMeta(Struct, frozen=True, kw_only=True):
    """Contents of a segment: the topics with these `prefixes` of an `exchange`.

    `begun_ns` is the start of the recording's clock, in ns since the epoch; `made_by` is the
    program that wrote it.
    """

    exchange: str
    prefixes: tuple[str, ...]
    begun_ns: int
    made_by: str
    version: int = VERSION


class IndexedBlock(Struct, frozen=True, array_like=True):
    """Offset of a block in the file, and fields of its header."""

    offset: int
    records: int
    first_ns: int
    last_ns: int


class SegmentIndex(Struct, frozen=True):
    """Last chunk of a finished segment; `topics` has the number of messages of each topic."""

    blocks: tuple[IndexedBlock, ...]
    topics: dict[str, int]
    notices: int
    ended: str

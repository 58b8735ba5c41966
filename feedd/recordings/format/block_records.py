"""The records of one block: pure, bytes in and out.

    block  := topics:u16 (length:u16 topic)*  record*
    record := kind:u8 topic:u16 length:u32 ns:i64 payload                      all little-endian

A topic stands once in each block, so that a block is read without any other.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

# How a frame came, as in `feedd.client.events.Origin`; a notice is no frame, but what the client
# library told: its topic is its type's name, and its payload a map of MessagePack.
LIVE, SNAPSHOT, REPLAYED, NOTICE = range(4)
MAX_BLOCK_TOPICS = 0xFFFF

_COUNT = struct.Struct("<H")
_RECORD = struct.Struct("<BHIq")


class BlockRecord(NamedTuple):
    """One message as it was published, or one notice.

    `ns` is a frame's `published_ns`, and when a notice was told: since the epoch, UTC.
    """

    ns: int
    kind: int
    topic: bytes
    payload: bytes


class BlockBuilder:
    """Collects the records of a block."""

    def __init__(self) -> None:
        self._topics: dict[bytes, int] = {}
        self._counts: list[int] = []
        self._body = bytearray()
        self.records = 0
        self.notices = 0

    def __len__(self) -> int:
        """Return about how many bytes the block has so far."""
        return len(self._body)

    @property
    def full(self) -> bool:
        """Whether there is no place for another topic."""
        return len(self._topics) >= MAX_BLOCK_TOPICS

    @property
    def frames(self) -> dict[bytes, int]:
        """How many frames each topic has; 0 for the types of notices."""
        return dict(zip(self._topics, self._counts, strict=True))

    def add(self, ns: int, kind: int, topic: bytes, payload: bytes) -> None:
        """Add a record."""
        number = self._topics.get(topic)
        if number is None:
            number = self._topics[topic] = len(self._topics)
            self._counts.append(0)
        self._body += _RECORD.pack(kind, number, len(payload), ns)
        self._body += payload
        self.records += 1
        if kind == NOTICE:
            self.notices += 1
        else:
            self._counts[number] += 1

    def packed(self) -> bytes:
        """Return the block."""
        head = [_COUNT.pack(len(self._topics))]
        for topic in self._topics:
            head += (_COUNT.pack(len(topic)), topic)
        return b"".join((*head, self._body))

    def clear(self) -> None:
        """Begin anew."""
        self._topics.clear()
        self._counts.clear()
        self._body.clear()
        self.records = self.notices = 0


def unpack_block(block: bytes, count: int) -> list[BlockRecord]:
    """Return a block's records; raise ValueError where it is not exactly as many, to the byte."""
    try:
        (number,) = _COUNT.unpack_from(block)
        at = _COUNT.size
        topics = []
        for _ in range(number):
            (length,) = _COUNT.unpack_from(block, at)
            at += _COUNT.size + length
            topics.append(block[at - length : at])
        records = []
        unpack_from, size = _RECORD.unpack_from, _RECORD.size
        for _ in range(count):
            kind, index, length, ns = unpack_from(block, at)
            at += size + length
            records.append(BlockRecord(ns, kind, topics[index], block[at - length : at]))
    except (struct.error, IndexError) as error:
        raise ValueError(f"is no block of records: {error}") from None
    if at != len(block):
        raise ValueError("is no block of records: it does not end with its last one")
    return records

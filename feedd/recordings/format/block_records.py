"""Records of one block. Pure: bytes in and out.

    block  := topics:u16 (length:u16 topic)*  record*
    record := kind:u8 topic:u16 length:u32 ns:i64 payload                      all little-endian

Each block contains its topics once, so that it can be read without any other block.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

# A message's origin, as in `feedd.client.events.Origin`, or a notice of the client library, whose
# topic is the name of its type, and whose payload is a MessagePack map.
LIVE, SNAPSHOT, REPLAYED, NOTICE = range(4)
MAX_BLOCK_TOPICS = 0xFFFF

_COUNT = struct.Struct("<H")
_RECORD = struct.Struct("<BHIq")


class BlockRecord(NamedTuple):
    """One message as published, or one notice.

    `ns` is a message's `published_ns`, or the time of a notice: since the epoch, UTC.
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
        """Return the approximate size of the block, in bytes."""
        return len(self._body)

    @property
    def full(self) -> bool:
        """Whether it has the maximum number of topics."""
        return len(self._topics) >= MAX_BLOCK_TOPICS

    @property
    def messages(self) -> dict[bytes, int]:
        """Number of messages of each topic; 0 for the types of notices."""
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
        """Encode the block."""
        head = [_COUNT.pack(len(self._topics))]
        for topic in self._topics:
            head += (_COUNT.pack(len(topic)), topic)
        return b"".join((*head, self._body))

    def clear(self) -> None:
        """Start a new block."""
        self._topics.clear()
        self._counts.clear()
        self._body.clear()
        self.records = self.notices = 0


def unpack_block(block: bytes, count: int) -> list[BlockRecord]:
    """Decode a block; raise ValueError unless it has exactly `count` records and no other byte."""
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
        raise ValueError(f"not a block of records: {error}") from None
    if at != len(block):
        raise ValueError("not a block of records: bytes follow the last one")
    return records

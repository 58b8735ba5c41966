"""Small recordings, and what is read of them in brief."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

import feedd
from feedd import model
from feedd.recordings.format.block_records import LIVE, NOTICE
from feedd.recordings.format.segment_reader import SegmentReader
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter

BEGUN_NS = 1_723_100_000_000_000_000  # 2024-08-08T06:53:20Z
MS = 1_000_000
FEED = "test.A/B."
TOPIC = f"quote.{FEED}"


def quote(seq: int, at_ns: int, symbol: str = "A/B", session: int = 1) -> bytes:
    return msgspec.msgpack.encode(
        model.Quote(
            symbol=symbol, timestamp=1, bid=1.0, bid_size=1.0, ask=2.0, ask_size=1.0,
            exchange="test", received_ns=1, published_ns=at_ns, session=session, seq=seq,
        )
    )  # fmt: skip


class Track:
    """Writes a recording, a message a ms by its clock."""

    def __init__(self, path: Path, begun_ns: int = BEGUN_NS) -> None:
        self.path = path
        self.at_ns = begun_ns
        self.writer = SegmentWriter(
            path, SegmentMeta(exchange="test", prefixes=("",), begun_ns=begun_ns, made_by="a test")
        )

    def quotes(
        self, seqs: Iterable[int], *, symbol: str = "A/B", session: int = 1, kind: int = LIVE,
        at_ns: int | None = None,
    ) -> None:  # fmt: skip
        for seq in seqs:
            self.at_ns = self.at_ns + MS if at_ns is None else at_ns
            payload = quote(seq, self.at_ns, symbol, session)
            self.writer.add(self.at_ns, kind, f"quote.test.{symbol}.".encode(), payload)

    def notice(self, notice: Any) -> None:
        name = type(notice).__name__.encode()
        self.writer.add(self.at_ns, NOTICE, name, msgspec.msgpack.encode(notice))

    def block(self) -> None:
        self.writer.write_block()

    def end(self) -> Path:
        self.writer.close("a test's end")
        return self.path


def damage(path: Path, *blocks: int, at: int = 80) -> None:
    """Flip a byte in some blocks: before 53 in their headers, and they are found no more."""
    index = SegmentReader(path).index()
    assert index is not None
    data = bytearray(path.read_bytes())
    for block in blocks:
        data[index.blocks[block].offset + at] ^= 0xFF
    path.write_bytes(data)


def brief(events: Iterable[Any]) -> list[Any]:
    """Return ticks as their seqs; notices stay unchanged."""
    return [event.seq if isinstance(event, feedd.Quote) else event for event in events]


def gap(first: int, last: int, reason: str, session: int = 1, topic: str = TOPIC) -> feedd.Gap:
    return feedd.Gap(topic, session, first, last, reason)

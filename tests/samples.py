"""Recordings made for tests: real payloads, by the real writer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from feedd.codec import encode
from feedd.model import Candle, ChannelStatus, Event, Latency, Mark, Quote, Status, Ticker
from feedd.recordings.format.block_records import LIVE, NOTICE, BlockRecord
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter
from feedd.topics import topic

BEGUN_NS = 1_764_075_600_000_000_000  # 2025-11-25T13:00:00Z
SESSION = BEGUN_NS // 1_000_000 - 5_000
MS = 1_000_000
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


def framed(event: Event, seq: int, at_ms: float, session: int = SESSION) -> BlockRecord:
    """Return an event as a worker would have published it so long after the beginning."""
    event.seq, event.session = seq, session
    event.published_ns = BEGUN_NS + int(at_ms * MS)
    name = topic(event.channel, event.exchange, event.symbol).encode()
    return BlockRecord(event.published_ns, LIVE, name, encode(event))


def quote(seq: int, at_ms: float, symbol: str = BTC, session: int = SESSION) -> BlockRecord:
    at_ns = BEGUN_NS + int(at_ms * MS)
    made = Quote(
        symbol=symbol, timestamp=at_ns // MS - 3, bid=50_000.1 + seq, bid_size=1.5,
        ask=50_000.2 + seq, ask_size=0.1, exchange="binanceusdm", received_ns=at_ns - 40_000,
        id=10_000 + seq,
    )  # fmt: skip
    return framed(made, seq, at_ms, session)


def candle(seq: int, at_ms: float, open_time: int) -> BlockRecord:
    at_ns = BEGUN_NS + int(at_ms * MS)
    made = Candle(
        symbol=BTC, timestamp=at_ns // MS, timeframe="1m", open_time=open_time, open=1.0, high=2.0,
        low=0.5, close=1.5, volume=7.0, closed=None, exchange="binanceusdm", received_ns=at_ns,
    )  # fmt: skip
    return framed(made, seq, at_ms)


def mark(seq: int, at_ms: float, next_funding: int) -> BlockRecord:
    at_ns = BEGUN_NS + int(at_ms * MS)
    made = Mark(
        symbol=BTC, timestamp=at_ns // MS, mark_price=1.0, index_price=1.0, funding_rate=0.0,
        next_funding=next_funding, exchange="binanceusdm", received_ns=at_ns,
    )  # fmt: skip
    return framed(made, seq, at_ms)


def ticker(seq: int, at_ms: float) -> BlockRecord:
    at_ns = BEGUN_NS + int(at_ms * MS)
    made = Ticker(
        symbol=BTC, timestamp=at_ns // MS, datetime="2025-11-25T13:00:00.000Z", bid=1.0, ask=2.0,
        last=1.5, volume=3.0, high=2.0, low=1.0, change_percent=None, spread=1.0, bid_ask="quote",
        exchange="binanceusdm", received_ns=at_ns,
    )  # fmt: skip
    return framed(made, seq, at_ms)


def status(
    seq: int, at_ms: float, next_quote: int, *, symbol: str = BTC, session: int = SESSION,
    state: str = "live",
) -> BlockRecord:  # fmt: skip
    at_ns = BEGUN_NS + int(at_ms * MS)
    none = Latency(None, None, None)
    said = ChannelStatus(
        state="live", reason=None, age_ms=3, stale_after_s=10.0, published=True, messages_per_s=1.0,
        latency_us=none, reconnects=0, reconnects_1h=0, tries=0, waits=False, gaps=0,
        connected_percent_1h=100.0,
    )  # fmt: skip
    made = Status(
        symbol=symbol, timestamp=at_ns // MS, state=state, reason=None,  # type: ignore[arg-type]
        next_seq={f"quote.binanceusdm.{symbol}.": next_quote,
                  f"status.binanceusdm.{symbol}.": seq + 1},
        messages=next_quote - 1, messages_per_s=1.0, reconnects=0, gaps=0, rejected=0,
        latency_us=none, exchange_latency_us=none, uptime_s=5.0 + at_ms / 1000, cpu_percent=1.0,
        memory_mb=20.0, channels={"quote": said}, exchange="binanceusdm", received_ns=at_ns,
    )  # fmt: skip
    return framed(made, seq, at_ms, session)


def notice(kind: str, at_ms: float, content: object) -> BlockRecord:
    """Return a notice of the client library, as a recorder writes it."""
    payload = msgspec.msgpack.encode(content)
    return BlockRecord(BEGUN_NS + int(at_ms * MS), NOTICE, kind.encode(), payload)


def write(
    path: Path, records: Iterable[BlockRecord], *, block: int = 500, prefixes: Iterable[str] = ("",)
) -> Path:
    """Write a recording of the topics with these prefixes; `block` records are in each block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = SegmentMeta(
        exchange="binanceusdm", prefixes=tuple(prefixes), begun_ns=BEGUN_NS, made_by="a test"
    )
    writer = SegmentWriter(path, meta)
    for record in records:
        writer.add(*record)
        if writer.buffered >= block:
            writer.write_block()
    writer.close("whole")
    return path


def frames(path: Path) -> list[tuple[bytes, bytes]]:
    """Return the frames of a recording, as topics and payloads; a recorder's notices are none."""
    return [
        (entry.what.topic, entry.what.payload)
        for entry in RecordingReader([path]).entries()
        if isinstance(entry.what, BlockRecord) and entry.what.kind != NOTICE
    ]

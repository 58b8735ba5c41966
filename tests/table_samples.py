"""A small recording with a message of each channel, and the commands on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec

from feedd import codec, model
from feedd.channels import CHANNELS
from feedd.cli.main import parse
from feedd.client import events
from feedd.recordings.format.block_records import LIVE, NOTICE, REPLAYED, SNAPSHOT
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter
from feedd.topics import topic

BEGUN_NS = 1_723_161_256_000_000_001
MS = 1_723_161_256_299
SYMBOL = "BTC/USDT:USDT"
HEAD: dict[str, Any] = {"symbol": SYMBOL, "exchange": "binanceusdm"}
LATENCY = model.Latency(1.5, 2.25, None)
CHANNEL_STATUS = model.ChannelStatus(
    "live", None, 12, 30.0, True, 1.5, LATENCY, 0, 0, 0, False, 0, 99.5,
    latency_counts=model.LatencyCounts([2] + 11 * [0], 61),
)  # fmt: skip


def stamped(event: Any, seq: int) -> Any:
    event.published_ns = BEGUN_NS + seq * 1_000_000
    event.session, event.seq = 1_723_161_200_000, seq
    return event


def ticks() -> list[Any]:
    """Return two events of each channel: all keys given, and nil wherever the wire has nil."""
    ns = BEGUN_NS
    made: list[Any] = [
        model.Ticker(timestamp=MS, datetime="2024-08-08T23:54:16.299Z", bid=61800.2, ask=61800.3,
                     last=61800.300000000003, volume=1e-8, high=1.0, low=0.1 + 0.2,
                     change_percent=-1.986, spread=0.1, bid_ask="quote", received_ns=ns, **HEAD),
        model.Ticker(timestamp=None, datetime=None, bid=None, ask=None, last=None, volume=None,
                     high=None, low=None, change_percent=None, spread=None, bid_ask="none",
                     received_ns=ns, **HEAD),
        model.Quote(timestamp=MS, bid=61800.2, bid_size=2.507, ask=61800.3, ask_size=2.51,
                    received_ns=ns, id=5_123_107_839_020, **HEAD),
        model.Quote(timestamp=None, bid=None, bid_size=None, ask=None, ask_size=None,
                    received_ns=ns, **HEAD),
        model.Trade(timestamp=MS, price=61800.3, size=0.006, side="buy", received_ns=ns,
                    id=5_266_583_935, **HEAD),
        model.BackfilledTrade(timestamp=MS, price=0.1, size=3.0, side=None, received_ns=ns,
                              id='20f43950-d8dd, "x"', **HEAD),
        model.Book(timestamp=MS, bids=[(61800.2, 2.507), (61800.1, 0.31)], asks=[(61800.3, 2.5)],
                   received_ns=ns, id=7, **HEAD),
        model.Book(timestamp=MS, bids=[], asks=[], received_ns=ns, **HEAD),
        model.Candle(timestamp=MS, timeframe="1m", open_time=1_723_161_240_000, open=1.5, high=2.0,
                     low=1.25, close=1.75, volume=81.204, closed=False, received_ns=ns, **HEAD),
        model.Candle(timestamp=None, timeframe="1m", open_time=1_723_161_240_000, open=None,
                     high=None, low=None, close=None, volume=None, closed=None, received_ns=ns,
                     **HEAD),
        model.Mark(timestamp=MS, mark_price=61794.15, index_price=61824.62659091,
                   funding_rate=0.0001, next_funding=1_723_190_400_000, received_ns=ns, **HEAD),
        model.Mark(timestamp=MS, mark_price=None, index_price=None, funding_rate=None,
                   next_funding=None, received_ns=ns, **HEAD),
        model.Liquidation(timestamp=MS, side="sell", price=61702.4, size=0.014, received_ns=ns,
                          **HEAD),
        model.Liquidation(timestamp=None, side=None, price=1.5, size=1.0, received_ns=ns, **HEAD),
        *(event for spec in CHANNELS.values() for event in generic(spec.event)),
        status(None),
        status(model.Gap("trade", 17, 21, 'the "ids" jump,\nfar')),
    ]  # fmt: skip
    return [stamped(event, seq) for seq, event in enumerate(made, 1)]


SAMPLED = {"ticker", "quote", "trade", "book", "candle", "mark", "liquidation"}
VALUES: dict[type, Any] = {int: 17, float: 0.1 + 0.2, str: "a, text", bool: True}


def generic(event: type[Any]) -> list[Any]:
    """Return two events of a channel that `ticks` does not name: one full, one with nils."""
    if event.channel in SAMPLED:
        return []
    full: dict[str, Any] = {}
    for one in msgspec.structs.fields(event):
        if one.required and one.name not in HEAD:
            types = get_args(one.type) or (one.type,)
            full[one.name] = VALUES[next(kind for kind in types if kind is not type(None))]
    full |= {"timestamp": MS, "received_ns": BEGUN_NS}
    nilable = {
        one.name for one in msgspec.structs.fields(event) if type(None) in get_args(one.type)
    }
    nils = {name: None if name in nilable else value for name, value in full.items()}
    return [event(**values, **HEAD) for values in (full, nils)]


def status(gap: model.Gap | None) -> model.Status:
    return model.Status(
        timestamp=MS, state="live", reason=None, next_seq={f"trade.binanceusdm.{SYMBOL}.": 3},
        messages=5, messages_per_s=1.5, reconnects=0, gaps=0, rejected=0, latency_us=LATENCY,
        exchange_latency_us=model.Latency(None, None, None), uptime_s=3.25, cpu_percent=1.0,
        memory_mb=23.5, channels={"trade": CHANNEL_STATUS}, received_ns=BEGUN_NS, gap=gap,
        exchange_latency_counts=model.LatencyCounts([1] + 11 * [0], -1_723_161_256_299_000), **HEAD,
    )  # fmt: skip


NOTICES = (
    events.Gap(f"trade.binanceusdm.{SYMBOL}.", 1_723_161_200_000, 4, 9, "lost"),
    events.UpstreamGap(f"binanceusdm.{SYMBOL}.", "trade", 17, 21, "the ids jump"),
    events.NewSession(f"binanceusdm.{SYMBOL}.", 1_723_161_200_000, 1_723_161_300_000),
    events.StateChange("", "no_history", None),
    events.Stopped(f"binanceusdm.{SYMBOL}.", 1_723_161_300_000, "told to"),
)


class Sample:
    """A recording that is written record by record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        meta = SegmentMeta(
            exchange="binanceusdm", prefixes=("",), begun_ns=BEGUN_NS, made_by="a test"
        )
        self.writer = SegmentWriter(path, meta)

    def event(self, event: Any, kind: int = LIVE, **more: Any) -> None:
        """Add an event; `more` are keys that no model has."""
        payload = codec.encode(event)
        if more:
            payload = msgspec.msgpack.encode({**codec.decode(payload), **more})
        self.raw(event.channel, payload, event.published_ns, kind)

    def raw(self, channel: str, payload: bytes, ns: int = BEGUN_NS, kind: int = LIVE) -> None:
        name = topic(channel, "binanceusdm", SYMBOL)
        self.writer.add(ns, kind, name.encode(), payload)

    def notice(self, notice: Any) -> None:
        name = type(notice).__name__.encode()
        self.writer.add(BEGUN_NS + 5, NOTICE, name, msgspec.msgpack.encode(notice))

    def close(self) -> Path:
        self.writer.close("a test's end")
        return self.path


def every_channel(path: Path) -> list[dict[str, Any]]:
    """Record all of `ticks` and NOTICES; return the payloads, each with its origin."""
    sample = Sample(path)
    payloads = []
    for number, event in enumerate(ticks()):
        kind, origin = ((LIVE, "live"), (SNAPSHOT, "snapshot"), (REPLAYED, "replayed"))[number % 3]
        sample.event(event, kind)
        payloads.append({**codec.decode(codec.encode(event)), "origin": origin})
    for notice in NOTICES:
        sample.notice(notice)
    sample.close()
    return payloads


def feedd(*arguments: object) -> int:
    """Run `feedd export` or `feedd import` in this process; return its exit code."""
    parsed = parse([str(argument) for argument in arguments])
    code: int = parsed.command.run(parsed)
    return code

"""A recording yields the same events as the subscription it was made from, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from conftest import eventually
from integration.client_setup import Seen, Threaded, World

import feedd
from feedd import model
from feedd.recordings.format.block_records import LIVE, NOTICE, REPLAYED, SNAPSHOT
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter

KINDS = {"live": LIVE, "snapshot": SNAPSHOT, "replayed": REPLAYED}
EVERYTHING = ["", "status."]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path)
    yield one
    one.close()


class Frames(Threaded):
    """Keeps all frames as they were published, by topic, session and seq."""

    def __init__(self, fan_out: str) -> None:
        super().__init__()
        self.kept: dict[tuple[str, int, int], bytes] = {}
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._sub = self._context.socket(zmq.SUB)
        self._sub.rcvhwm = 0
        self._sub.subscribe("")
        self._sub.connect(fan_out)

    def once(self) -> None:
        self._sub.poll(20)
        with contextlib.suppress(zmq.Again):
            while True:
                topic, payload = self._sub.recv_multipart(zmq.NOBLOCK)
                head = msgspec.msgpack.decode(payload)
                self.kept[topic.decode(), head["session"], head["seq"]] = payload

    def ended(self) -> None:
        self._context.destroy(linger=0)


def record(path: Path, events: list[Any], frames: dict[tuple[str, int, int], bytes]) -> None:
    """Write a stream's events, with ticks and statuses as the published frames."""
    meta = SegmentMeta(exchange="test", prefixes=("",), begun_ns=time.time_ns(), made_by="a test")
    writer = SegmentWriter(path, meta)
    for event in events:
        if hasattr(event, "channel") and hasattr(event, "seq"):
            topic = f"{event.channel}.{event.exchange}.{event.symbol}."
            payload = frames[topic, event.session, event.seq]
            writer.add(event.published_ns, KINDS[event.origin], topic.encode(), payload)
        else:
            payload = msgspec.msgpack.encode(event)
            writer.add(time.time_ns(), NOTICE, type(event).__name__.encode(), payload)
        if writer.buffered == 7:
            writer.write_block()
    writer.close("a test's end")


def some_life(world: World) -> tuple[list[Any], dict[tuple[str, int, int], bytes]]:
    """Let everything that can go wrong with a stream happen; return its events and all frames."""
    side = world.proxy()
    frames = world.opened(Frames(side.endpoint))
    way, endpoint = world.dropping(side)
    first, other = world.feed(side), world.feed(side, symbol="C/D")

    def subscribed() -> bool:
        first.quote()
        return bool(frames.kept)

    eventually(subscribed)
    for feed in (first, other):
        feed.quote(5)
        feed.beat()
    beaten = lambda: len(side.history.kept.get(b"status.test.C/D.", ())) > 0  # noqa: E731
    eventually(beaten)
    stream = feedd.subscribe(endpoint, EVERYTHING, history=side.history_endpoint)
    caller = world.opened(Seen(stream, world.beat))

    def live() -> bool:
        first.quote()
        return any(tick.origin == "live" for tick in caller.of(feedd.Quote))

    caller.until(live)
    repaired = range(first.quotes + 3, first.quotes + 6)
    way.lets = lambda topic, seq: not (b"quote.test.A/B." in topic and seq in repaired)
    first.quote(10)
    caller.until(lambda: caller.quotes() and caller.quotes()[-1] >= first.quotes)
    world.closed(side.history)
    lost = range(first.quotes + 2, first.quotes + 5)
    way.lets = lambda topic, seq: not (b"quote.test.A/B." in topic and seq in lost)
    first.quote(10)
    other.quote(3)
    caller.until(lambda: caller.of(feedd.Gap))
    other.beat("stale", "silent", model.Gap("quote", 17, 23, "a test's"))
    caller.until(lambda: caller.of(feedd.UpstreamGap))
    world.closed(first)
    again = world.feed(side, session=2)
    way.lets = lambda _topic, _seq: True
    again.quote(4)
    caller.until(lambda: again.quote() or caller.of(feedd.NewSession))
    again.beat("stopped", "on purpose")
    caller.until(lambda: caller.of(feedd.Stopped), beats=False)
    caller.close()
    eventually(lambda: all(_key(one) in frames.kept for one in caller.events if _key(one)))
    return caller.events, frames.kept


def _key(event: Any) -> tuple[str, int, int] | None:
    if not isinstance(event, feedd.Quote | feedd.Status):
        return None
    return (f"{event.channel}.{event.exchange}.{event.symbol}.", event.session, event.seq)


def _concerns(event: Any, feed: str) -> bool:
    if isinstance(event, feedd.Gap):
        return event.topic.endswith(f".{feed}")
    if isinstance(event, feedd.Quote | feedd.Status):
        return f"{event.exchange}.{event.symbol}." == feed
    return event.feed in {feed, ""}


def test_a_recording_is_read_as_it_was_subscribed_to(world: World, tmp_path: Path) -> None:
    events, frames = some_life(world)
    assert {type(event).__name__ for event in events} == {
        "Quote", "Status", "Gap", "UpstreamGap", "NewSession", "StateChange", "Stopped",
    }  # fmt: skip
    origins = {event.origin for event in events if isinstance(event, feedd.Quote)}
    assert origins == {"live", "snapshot", "replayed"}
    path = tmp_path / "one.feedd"
    record(path, events, frames)
    assert list(feedd.open_recording(path, EVERYTHING)) == events

    quotes = [event for event in events if not isinstance(event, feedd.Status)]
    assert list(feedd.open_recording(path, "quote.")) == quotes
    assert list(feedd.open_recording(tmp_path)) == quotes
    ours = [event for event in quotes if _concerns(event, "test.A/B.")]
    assert list(feedd.open_recording([path], ["quote.test.A/B."])) == ours
    assert len(ours) < len(quotes)
    ticks = [event for event in events if isinstance(event, feedd.Quote)]
    assert list(feedd.open_recording(str(path), EVERYTHING, only_ticks=True)) == ticks

    async def all_of() -> list[Any]:
        async with feedd.open_recording(path) as stream:
            return [event async for event in stream]

    assert asyncio.run(all_of()) == quotes
    with feedd.open_recording(path) as stream:
        assert [stream.receive(1.0) for _ in quotes] == quotes
        assert stream.receive(None) is None

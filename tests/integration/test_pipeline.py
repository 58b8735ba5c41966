"""The whole path in real processes: recording → exchange → ccxt → worker → proxy → subscriber."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from conftest import PlainSubscriber
from integration.history_requests import replayed
from integration.pipeline import Event, Pipeline, receive, recorded_events
from raw_recordings import one_symbol

NOISE_S = 3.0  # of a test machine

pytestmark = pytest.mark.process


@pytest.fixture
def make_pipeline(tmp_path: Path) -> Iterator[Callable[..., Pipeline]]:
    pipelines: list[Pipeline] = []

    def make(symbols: list[str], **exchange: Any) -> Pipeline:
        pipelines.append(Pipeline(tmp_path, symbols, **exchange))
        return pipelines[-1]

    yield make
    for pipeline in pipelines:
        pipeline.stop()


def assert_same(seen: list[Event], truth: list[Event]) -> None:
    """Compare long lists and name the first difference alone."""
    for index, (one, other) in enumerate(zip(seen, truth, strict=False)):
        if one != other:
            pytest.fail(f"event {index} is {one}, and {other} in the file")
    assert len(seen) == len(truth)


def test_the_whole_recording_arrives_once_in_order_as_fast_as_it_is_read(
    make_pipeline: Callable[..., Pipeline], btcusdt: Path
) -> None:
    symbol = "BTC/USDT:USDT"
    pipeline = make_pipeline([symbol], recording=str(btcusdt), speed=0)
    subscriber = PlainSubscriber(pipeline.endpoint)
    truth = recorded_events(btcusdt)
    pipeline.start_all()
    held = one_symbol(btcusdt)
    assert (len(truth["quote"]), len(truth["trade"])) == (held.quotes, held.trades)
    wanted = {(symbol, channel): len(events) for channel, events in truth.items()}
    seen = receive(subscriber, wanted, 180)
    subscriber.close()
    for channel, events in truth.items():
        assert_same(seen[symbol, channel], events)


def test_the_first_seconds_arrive_at_their_own_pace(
    make_pipeline: Callable[..., Pipeline], btcusdt: Path
) -> None:
    symbol = "BTC/USDT:USDT"
    pipeline = make_pipeline([symbol], recording=str(btcusdt), speed=1)
    subscriber = PlainSubscriber(pipeline.endpoint)
    truth = recorded_events(btcusdt, seconds=10)
    wanted = {(symbol, channel): len(events) for channel, events in truth.items()}
    began = time.monotonic()  # before the exchange can
    pipeline.start_all()
    seen = receive(subscriber, wanted, 180)
    subscriber.close()
    assert time.monotonic() - began > 9
    for channel, events in truth.items():
        assert_same(seen[symbol, channel][: len(events)], events)


def test_three_symbols_at_once_lose_nothing(
    make_pipeline: Callable[..., Pipeline], btcusdt: Path
) -> None:
    symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]
    pipeline = make_pipeline(symbols, recording=dict.fromkeys(symbols, str(btcusdt)), speed=0)
    subscriber = PlainSubscriber(pipeline.endpoint)
    truth = recorded_events(btcusdt)  # before: what is left unread meanwhile could be too much
    pipeline.start_all()
    wanted = {(s, channel): len(events) for s in symbols for channel, events in truth.items()}
    seen = receive(subscriber, wanted, 180)
    subscriber.close()
    for symbol in symbols:
        for channel, events in truth.items():
            assert_same(seen[symbol, channel], events)


def test_a_stopping_worker_publishes_stopped_and_exits_within_two_seconds(
    make_pipeline: Callable[..., Pipeline],
) -> None:
    pipeline = make_pipeline(["BTC/USDT:USDT"], rate=200)
    subscriber = PlainSubscriber(pipeline.endpoint)
    pipeline.start_all()
    subscriber.until(lambda topic, payload: payload.get("state") == "live")
    feed = pipeline.processes["BTC/USDT:USDT"]
    began = time.monotonic()
    feed.send_signal(signal.SIGTERM)
    assert feed.wait(30) == 0
    assert time.monotonic() - began < 2 + NOISE_S
    messages = subscriber.until(lambda topic, payload: payload.get("state") == "stopped")
    last = messages[-1][1]
    assert last["reason"] == "the worker was stopped"
    for topic, payload in messages:
        if topic.startswith("quote."):
            assert payload["seq"] < last["next_seq"][topic]
    newest = {topic: payload["seq"] for topic, payload in messages}
    for topic, seq in newest.items():
        assert last["next_seq"][topic] == seq + 1
    assert subscriber.receive(1.5) is None
    subscriber.close()


def test_a_restart_of_the_proxy_costs_next_to_nothing(
    make_pipeline: Callable[..., Pipeline],
) -> None:
    """The worker connects and keeps its queue: only messages held by the dying proxy are lost."""
    pipeline = make_pipeline(["BTC/USDT:USDT"], rate=500)
    subscriber = PlainSubscriber(pipeline.endpoint, "quote.")
    pipeline.start_all()
    messages = subscriber.until(lambda topic, payload: payload["seq"] > 200)
    pipeline.processes["proxy"].kill()
    pipeline.processes["proxy"].wait()
    while (message := subscriber.receive(0.5)) is not None:
        messages.append(message)
    last = messages[-1][1]["seq"]
    pipeline.start("proxy")
    messages += subscriber.until(lambda topic, payload: payload["seq"] > last + 1500)
    subscriber.close()
    seqs = [payload["seq"] for _, payload in messages]
    assert seqs == sorted(set(seqs))
    # A subscriber may reconnect after the worker. The new proxy's history has what it missed.
    topic, payload = messages[-1]
    with zmq.Context() as context, context.socket(zmq.DEALER) as asker:
        asker.linger = 0
        asker.connect(f"ipc://{pipeline.folder}/h.sock")
        held = replayed(asker, topic, last, seqs[-1], payload["session"])
    got = [msgspec.msgpack.decode(one)["seq"] for _, one in held["messages"]]
    assert got[:500] == list(range(held["low"], held["low"] + 500))
    # The proxy was away for a second at least: some 500 messages.
    assert held["low"] - last - 1 < 200


def test_without_a_proxy_a_feed_serves_its_own_port(make_pipeline: Callable[..., Pipeline]) -> None:
    pipeline = make_pipeline(["BTC/USDT:USDT"], rate=200)
    pipeline.start("exchange")
    pipeline.start("feed", "BTC/USDT:USDT", "--alone")
    subscriber = PlainSubscriber(f"tcp://127.0.0.1:{pipeline.feed_ports[0]}", "trade.")
    subscriber.until(lambda topic, payload: payload["seq"] > 5)
    subscriber.close()

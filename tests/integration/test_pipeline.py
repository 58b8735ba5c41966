"""The whole line in real processes: recording → exchange → ccxt → worker → proxy → subscriber."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
import zmq
from conftest import PYTHON, REPOSITORY, PlainSubscriber, clean_environment, free_ports
from integration.test_history import replayed

from feedd.embedded.tape import read

Event = tuple[int, float, float]
NOISE_S = 3.0  # of a test machine

pytestmark = pytest.mark.process


class Line:
    """Proxy, exchange and feeds without supervisord, on ports and in a folder of their own."""

    def __init__(self, folder: Path, symbols: list[str], **exchange: Any) -> None:
        self.folder = folder
        self.symbols = symbols
        proxy, port, *self.feed_ports = free_ports(2 + len(symbols))
        self.endpoint = f"tcp://127.0.0.1:{proxy}"
        self._config = folder / "feedd.yaml"
        self._config.write_text(yaml.safe_dump({
            "symbols": [{"symbol": symbol, "port": port}
                        for symbol, port in zip(symbols, self.feed_ports, strict=True)],
            "channels": ["quote", "trade"],
            "proxy": {
                "subscribers": self.endpoint,
                "workers": f"ipc://{folder}/w.sock",
                "history": f"ipc://{folder}/h.sock",
            },
            "run_dir": str(folder / "run"),
            "embedded_exchange": {"port": port, **exchange},
        }))  # fmt: skip
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, worker: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [PYTHON, f"workers/{worker}.py", *arguments, "--config", str(self._config)]
        process = subprocess.Popen(
            [*command, "--log-dir", str(self.folder / "logs")],
            cwd=REPOSITORY, env=clean_environment(),
        )  # fmt: skip
        self.processes[arguments[0] if arguments else worker] = process
        return process

    def start_all(self) -> None:
        self.start("proxy")
        self.start("exchange")
        for symbol in self.symbols:
            self.start("feed", symbol)

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def make_line(tmp_path: Path) -> Iterator[Callable[..., Line]]:
    lines: list[Line] = []

    def make(symbols: list[str], **exchange: Any) -> Line:
        lines.append(Line(tmp_path, symbols, **exchange))
        return lines[-1]

    yield make
    for line in lines:
        line.stop()


def recorded(path: Path, seconds: float | None = None) -> dict[str, list[Event]]:
    """Return what the file holds: id, and price and size, or bid and ask, of each event."""
    events: dict[str, list[Event]] = {"quote": [], "trade": []}
    decode = msgspec.json.Decoder().decode
    start_ns = None
    for row in read(path):
        start_ns = start_ns or row.local_ns
        if seconds is not None and row.local_ns - start_ns > seconds * 1e9:
            break
        if row.stream.endswith("@bookTicker"):
            data = decode(row.data)
            events["quote"].append((data["u"], float(data["b"]), float(data["a"])))
        elif row.stream.endswith("@trade"):
            data = decode(row.data)
            events["trade"].append((data["t"], float(data["p"]), float(data["q"])))
    return events


def receive(
    subscriber: PlainSubscriber, wanted: dict[tuple[str, str], int], timeout_s: float
) -> dict[tuple[str, str], list[Event]]:
    """Return events by symbol and channel until all are there; checks `seq` and `session`."""
    events: dict[tuple[str, str], list[Event]] = {key: [] for key in wanted}
    deadline = time.monotonic() + timeout_s
    while any(len(events[key]) < count for key, count in wanted.items()):
        message = subscriber.receive(45)  # processes have to start first
        assert message is not None, f"silence after { ({k: len(v) for k, v in events.items()}) }"
        assert time.monotonic() < deadline
        topic, payload = message
        channel = topic.partition(".")[0]
        if channel == "status":
            assert payload["gap"] is None
            assert payload["rejected"] == 0
            continue
        assert topic == f"{channel}.binanceusdm.{payload['symbol']}."
        seen = events[payload["symbol"], channel]
        keys = ("bid", "ask") if channel == "quote" else ("price", "size")
        seen.append((payload["id"], payload[keys[0]], payload[keys[1]]))
        assert payload["seq"] == len(seen)
    return events


def assert_same(seen: list[Event], truth: list[Event]) -> None:
    """Compare long lists and name the first difference alone."""
    for index, (one, other) in enumerate(zip(seen, truth, strict=False)):
        if one != other:
            pytest.fail(f"event {index} is {one}, and {other} in the file")
    assert len(seen) == len(truth)


def test_the_whole_recording_arrives_once_in_order_as_fast_as_it_is_read(
    make_line: Callable[..., Line], btcusdt: Path
) -> None:
    symbol = "BTC/USDT:USDT"
    line = make_line([symbol], recording=str(btcusdt), speed=0)
    subscriber = PlainSubscriber(line.endpoint)
    truth = recorded(btcusdt)
    line.start_all()
    assert (len(truth["quote"]), len(truth["trade"])) == (66_089, 21_313)
    wanted = {(symbol, channel): len(events) for channel, events in truth.items()}
    seen = receive(subscriber, wanted, 180)
    subscriber.close()
    for channel, events in truth.items():
        assert_same(seen[symbol, channel], events)


def test_the_first_half_minute_arrives_at_its_own_pace(
    make_line: Callable[..., Line], btcusdt: Path
) -> None:
    symbol = "BTC/USDT:USDT"
    line = make_line([symbol], recording=str(btcusdt), speed=1)
    subscriber = PlainSubscriber(line.endpoint)
    truth = recorded(btcusdt, seconds=30)
    wanted = {(symbol, channel): len(events) for channel, events in truth.items()}
    began = time.monotonic()  # before the exchange can
    line.start_all()
    seen = receive(subscriber, wanted, 180)
    subscriber.close()
    assert time.monotonic() - began > 28
    for channel, events in truth.items():
        assert_same(seen[symbol, channel][: len(events)], events)


def test_three_symbols_at_once_lose_nothing(make_line: Callable[..., Line], btcusdt: Path) -> None:
    symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]
    line = make_line(symbols, recording=dict.fromkeys(symbols, str(btcusdt)), speed=0)
    subscriber = PlainSubscriber(line.endpoint)
    truth = recorded(btcusdt)  # before: what is left unread meanwhile could be too much
    line.start_all()
    wanted = {(s, channel): len(events) for s in symbols for channel, events in truth.items()}
    seen = receive(subscriber, wanted, 180)
    subscriber.close()
    for symbol in symbols:
        for channel, events in truth.items():
            assert_same(seen[symbol, channel], events)


def test_a_worker_told_to_stop_says_so_and_is_gone_within_two_seconds(
    make_line: Callable[..., Line],
) -> None:
    line = make_line(["BTC/USDT:USDT"], rate=200)
    subscriber = PlainSubscriber(line.endpoint)
    line.start_all()
    subscriber.until(lambda topic, payload: payload.get("state") == "live")
    feed = line.processes["BTC/USDT:USDT"]
    began = time.monotonic()
    feed.send_signal(signal.SIGTERM)
    assert feed.wait(30) == 0
    assert time.monotonic() - began < 2 + NOISE_S
    messages = subscriber.until(lambda topic, payload: payload.get("state") == "stopped")
    last = messages[-1][1]
    assert last["reason"] == "the worker was told to stop"
    for topic, payload in messages:
        if topic.startswith("quote."):
            assert payload["seq"] < last["next_seq"][topic]
    newest = {topic: payload["seq"] for topic, payload in messages}
    for topic, seq in newest.items():
        assert last["next_seq"][topic] == seq + 1
    assert subscriber.receive(1.5) is None
    subscriber.close()


def test_a_restart_of_the_proxy_costs_next_to_nothing(make_line: Callable[..., Line]) -> None:
    """The worker connects and keeps its queue: what is lost is what the dying proxy held."""
    line = make_line(["BTC/USDT:USDT"], rate=500)
    subscriber = PlainSubscriber(line.endpoint, "quote.")
    line.start_all()
    messages = subscriber.until(lambda topic, payload: payload["seq"] > 200)
    line.processes["proxy"].kill()
    line.processes["proxy"].wait()
    while (message := subscriber.receive(0.5)) is not None:
        messages.append(message)
    last = messages[-1][1]["seq"]
    line.start("proxy")
    messages += subscriber.until(lambda topic, payload: payload["seq"] > last + 1500)
    subscriber.close()
    seqs = [payload["seq"] for _, payload in messages]
    assert seqs == sorted(set(seqs))
    # A subscriber may be back later than the worker. What the new proxy got, its history tells.
    topic, payload = messages[-1]
    with zmq.Context() as context, context.socket(zmq.DEALER) as asker:
        asker.linger = 0
        asker.connect(f"ipc://{line.folder}/h.sock")
        held = replayed(asker, topic, last, seqs[-1], payload["session"])
    got = [msgspec.msgpack.decode(one)["seq"] for _, one in held["messages"]]
    assert got[:500] == list(range(held["low"], held["low"] + 500))
    # The proxy was away for a second at least: some 500 messages.
    assert held["low"] - last - 1 < 200


def test_without_a_proxy_a_feed_serves_its_own_port(make_line: Callable[..., Line]) -> None:
    line = make_line(["BTC/USDT:USDT"], rate=200)
    line.start("exchange")
    line.start("feed", "BTC/USDT:USDT", "--alone")
    subscriber = PlainSubscriber(f"tcp://127.0.0.1:{line.feed_ports[0]}", "trade.")
    subscriber.until(lambda topic, payload: payload["seq"] > 5)
    subscriber.close()

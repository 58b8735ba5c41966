"""The parts of the benchmarks on a small load: sender, worker and subscriber."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgpack
import pytest
import zmq
from conftest import free_ports, skip_outside_ci
from raw_recordings import HOLDS_BTCUSDT

from bench import crowd, native_parts, one_handler
from bench.arrivals import Arrivals, subscribe, topic_hash
from bench.handlers import handlers
from bench.line import Line, feedd
from bench.one_handler import Sender, blast, folder, pace
from bench.processes import Processes, until

pytestmark = pytest.mark.process

COUNT = 3000
NO_PEERS = Path("no-peer-runs-here")


@pytest.fixture
def place(btcusdt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    (tmp_path / HOLDS_BTCUSDT["real"]).symlink_to(btcusdt)  # the name that the bench reads
    monkeypatch.setenv("FEEDD_DATA", str(tmp_path))
    monkeypatch.setattr(one_handler, "free_ports", free_ports)  # that no other test gets
    with folder() as own, Processes(own) as processes:
        yield processes


def test_every_quote_of_a_blast_and_of_a_slice_is_counted_and_timed(place: Processes) -> None:
    sender = Sender(place)
    ccxt = next(one for one in handlers() if one.name == "feedd-ccxt")
    fast = blast(ccxt, sender, place, NO_PEERS, COUNT)
    assert (fast.sent, fast.received) == (COUNT, COUNT)
    assert fast.cpu_us > 5
    assert fast.per_s is not None
    slow = pace(ccxt, sender, place, NO_PEERS, (0.0, 2.0))
    assert slow.sent == slow.received == len(slow.latencies_us) > 20
    assert min(slow.latencies_us) > 0
    assert slow.latency_us["p50"] <= slow.latency_us["p99"] <= slow.latency_us["p999"]


@pytest.mark.parametrize("compiled", [True, False], ids=["C", "Python"])
def test_the_subscriber_notes_ids_of_every_width_and_topics(
    compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(native_parts, "compiler", lambda: None)
    elif native_parts.compiler() is None:
        skip_outside_ci(native_parts.NO_COMPILER)
    ids = [5, 200, 60_000, 4_000_000_000, 5_123_107_839_020]
    frames = [
        *([b"quote.a.B/C.", msgpack.packb({"symbol": "B/C", "seq": 1, "id": id_})] for id_ in ids),
        [b"quote.a.B/C.", b'{"e":"bookTicker","u":5123107839020,"s":"BC"}'],
        [b"quote without an id"],
    ]
    log = Arrivals(tmp_path / "log", 100)
    with zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
        publisher.linger = 0
        port = publisher.bind_to_random_port("tcp://127.0.0.1")
        with Processes(tmp_path) as processes:
            subscribe(processes, log, f"tcp://127.0.0.1:{port}", "quote")
            assert publisher.poll(60_000)
            for each in frames:
                publisher.send_multipart(each)
            until(lambda: log.count == len(frames), 60.0, "all messages", processes)
            found = log.since(0)
    assert [one.id for one in found] == [*ids, 5_123_107_839_020, 0]
    assert [one.topic for one in found[:-1]] == [topic_hash("quote.a.B/C.")] * (len(frames) - 1)
    assert log.payload_bytes == sum(len(each[-1]) for each in frames)
    times = [one.at_ns for one in found]
    assert times == sorted(times)
    assert times[0] > 0


def test_each_group_of_a_crowd_reports_what_it_received_and_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crowd, "GROUPS", [replace(group, count=1) for group in crowd.GROUPS])
    monkeypatch.setattr(crowd, "COMPUTING", 1)
    monkeypatch.setattr(crowd, "SYMBOLS", 1)
    monkeypatch.setattr(crowd, "RATE", 100.0)
    found = crowd.measure(crowd.Variant("large queues on one CPU", queue=10_000, apart=True), 3.0)
    assert [name for name, group in found["groups"].items() if not group["received"]] == [
        "deaf, all topics"
    ]
    assert [group["lost"] for group in found["groups"].values()] == [0] * 5
    assert found["peak_mb"] > 10


def test_a_start_that_is_broken_off_leaves_no_process(tmp_path: Path) -> None:
    line = Line(tmp_path / "line", "native", 1)
    feedd(line, "render", timeout_s=60)
    begun = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", "supervisord.conf"],
        cwd=line.folder,
    )
    try:
        line.end()  # it answers nobody yet
        assert begun.poll() is not None
    finally:
        begun.kill()
        begun.wait()

"""The benchmarks' own parts, once in small: the sender, the worker, the subscriber at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.handlers import handlers
from bench.one_handler import Sender, blast, folder, pace
from bench.processes import Processes

COUNT = 3000
NO_PEERS = Path("no-peer-runs-here")


@pytest.fixture
def place(btcusdt: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    monkeypatch.setenv("FEEDD_DATA", str(btcusdt.parent))
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
    assert slow.sent == slow.received == len(slow.latencies_us) > 100
    assert min(slow.latencies_us) > 0
    assert slow.latency_us["p50"] <= slow.latency_us["p99"] <= slow.latency_us["p999"]

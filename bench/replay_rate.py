"""How fast and how punctual a replay is.

`make bench RECORD=1`; of a recording of one's own, `python -m bench.replay_rate RECORDING`.

At pace 0 the rate is what a subscriber takes, plain SUB and feedd.subscribe, at a foreground replay
and, as under supervisord, through a worker and the proxy. It counts from the 40,000th message on:
up to 27,500 have waited for the first subscriber in sockets and come at once. At
pace 1 the lateness of each arrival is against the recording's clock, and 0 for the earliest of all:
so it is the spread of what the way takes, and of how punctual the replay is.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml
import zmq

import feedd
from bench.processes import free_ports
from feedd.clock import NS_PER_S
from feedd.codec import decode
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.timestamps import iso

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
PACED_S = 30  # of the recording's beginning, at its own pace
WAITED = 40_000
Arrived = list[tuple[int, bytes]]  # by time.monotonic_ns(), and the payload


def main() -> int:
    """Measure as the command line asks, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=lambda text: Path(text).resolve())
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--symbol", default="BTC/USDT:USDT", help="what a worker replays of it")
    parser.add_argument("--exchange", default="binanceusdm")
    given = parser.parse_args()
    run(Played(given.recording, given.exchange, given.symbol), given.rounds)
    return 0


@dataclass(frozen=True)
class Played:
    """What is replayed: a recording, and the symbol that a worker plays of it."""

    recording: Path
    exchange: str
    symbol: str


def run(played: Played, rounds: int) -> None:
    """Measure, and print."""
    for _ in range(rounds):
        for name, measure in (
            ("foreground, plain SUB", lambda: _plain(_foreground(played, "0"))),
            ("foreground, feedd.subscribe", lambda: _client(_foreground(played, "0"))),
            ("worker and proxy, plain SUB", lambda: _plain(_supervised(played))),
            ("worker and proxy, feedd.subscribe", lambda: _client(_supervised(played))),
        ):
            count, seconds = measure()
            print(f"pace 0  {name:36} {count:9,} messages  {count / seconds:9,.0f}/s", flush=True)
    until = iso(RecordingReader([played.recording]).begun_ns + PACED_S * NS_PER_S)
    for _ in range(rounds):
        late_ms = _lateness(_foreground(played, "1", "--to", until))
        cuts = statistics.quantiles(late_ms, n=1000)
        print(
            f"pace 1  off by {statistics.median(late_ms):.3f} ms p50, {cuts[989]:.3f} ms p99, "
            f"{cuts[998]:.3f} ms p99.9, {max(late_ms):.3f} ms at most, {len(late_ms):,} messages",
            flush=True,
        )


class _Running:
    """A replay that waits for its subscriber, and the endpoint; a context manager."""

    def __init__(self, endpoint: str, processes: list[subprocess.Popen[bytes]]) -> None:
        self.endpoint = endpoint
        self._processes = processes

    def __enter__(self) -> str:
        return self.endpoint

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10)


def _foreground(played: Played, pace: str, *more: str) -> _Running:
    endpoint = f"tcp://127.0.0.1:{free_ports(2)[0]}"
    command = [sys.executable, "-m", "feedd", "replay", str(played.recording), "--pace", pace]
    process = subprocess.Popen(
        [*command, "--wait", "--endpoint", endpoint, *more],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return _Running(endpoint, [process])


def _supervised(given: Played) -> _Running:
    folder = Path(tempfile.mkdtemp(prefix="feedd-replay-"))
    proxy, history, base = free_ports(3)
    endpoint = f"tcp://127.0.0.1:{proxy}"
    path = folder / "feedd.yaml"
    path.write_text(yaml.safe_dump({
        "exchange": given.exchange, "source": "replay", "symbols": [given.symbol],
        "replay": {"recordings": [str(given.recording)], "pace": 0},
        "proxy": {"subscribers": endpoint, "history": f"tcp://127.0.0.1:{history}",
                  "workers": f"ipc://{folder}/workers.sock"},
        "base_port": base, "run_dir": str(folder / "run"), "log_dir": str(folder / "logs"),
    }))  # fmt: skip
    words = (["workers/proxy.py", "--lossless"], ["workers/replay.py", given.symbol])
    return _Running(
        endpoint,
        [
            subprocess.Popen(
                [sys.executable, *one, "--config", path, "--log-dir", folder / "logs"], cwd=ROOT
            )
            for one in words
        ],
    )


def _plain(running: _Running) -> tuple[int, float]:
    arrived = _arrived(running, keep=False)
    return len(arrived) - WAITED, (arrived[-1][0] - arrived[WAITED][0]) / 1e9


def _arrived(running: _Running, *, keep: bool) -> Arrived:
    """Return all that comes, until nothing has for two seconds; no collection holds it up."""
    gc.collect()
    gc.disable()
    got: Arrived = []
    with running as endpoint, zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.connect(endpoint)
        socket.subscribe("")
        wait_ms = 60_000
        receive, now = socket.recv_multipart, time.monotonic_ns
        while socket.poll(wait_ms):
            wait_ms = 2_000
            try:
                while True:
                    payload = receive(zmq.NOBLOCK)[1]
                    got.append((now(), payload if keep else b""))
            except zmq.Again:
                pass
    gc.enable()
    return got


def _client(running: _Running) -> tuple[int, float]:
    count, began_s, last_s = 0, 0.0, 0.0
    with running as endpoint, feedd.subscribe(endpoint, ["", "status."], lossless=True) as stream:
        while (event := stream.receive(2.0 if count else 60.0)) is not None:
            if isinstance(event, feedd.StateChange):
                continue
            if not isinstance(event, feedd.Gap):
                count += 1
            last_s = time.monotonic()
            if count == WAITED:
                began_s = last_s
    return count - WAITED, last_s - began_s


def _lateness(running: _Running) -> list[float]:
    """Return by how much each arrival was later than the earliest, in ms."""
    arrived = _arrived(running, keep=True)
    clock_ns, offsets = 0, []
    for at_ns, payload in arrived:
        clock_ns = max(clock_ns, decode(payload)["published_ns"])
        offsets.append(at_ns - clock_ns)
    least_ns = min(offsets)
    return [(offset - least_ns) / 1e6 for offset in offsets]


if __name__ == "__main__":
    sys.exit(main())

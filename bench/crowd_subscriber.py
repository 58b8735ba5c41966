"""One subscriber of the crowd; prints one JSON line at the end.

python crowd_subscriber.py KIND ENDPOINT PREFIX SECONDS [--realtime] [--queue MESSAGES]

A `steady` one reads and decodes with pyzmq, a `client` with feedd.subscribe; a `slow` one takes
2 ms for each message, and a `deaf` one never reads.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass, field

import msgpack
import zmq

import feedd
from feedd.runtime.realtime import enter_realtime

SLOW_S = 0.002
SAMPLE_EVERY = 20  # messages, of which one has its latency taken


@dataclass
class Result:
    """What one subscriber received."""

    kind: str
    received: int = 0
    lost: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, published_ns: int) -> None:
        """Count a message, and take the latency of some."""
        self.received += 1
        if self.received % SAMPLE_EVERY == 0:
            self.latencies_ms.append((time.time_ns() - published_ns) / 1e6)


def read_plain(result: Result, endpoint: str, prefix: str, end_s: float, queue: int) -> None:
    """Read with pyzmq; a number that is skipped within a topic's session is lost."""
    socket = zmq.Context().socket(zmq.SUB)
    if queue:
        socket.rcvhwm = queue
    socket.subscribe(prefix)
    socket.connect(endpoint)
    if result.kind == "deaf":
        time.sleep(end_s - time.monotonic())
        return
    last: dict[tuple[bytes, int], int] = {}
    while time.monotonic() < end_s:
        if not socket.poll(500):
            continue
        topic, payload = socket.recv_multipart()
        message = msgpack.unpackb(payload)
        key = topic, message["session"]
        result.lost += message["seq"] - last.get(key, message["seq"] - 1) - 1
        last[key] = message["seq"]
        result.add(message["published_ns"])
        if result.kind == "slow":
            time.sleep(SLOW_S)


def read_with_client(result: Result, endpoint: str, prefix: str, end_s: float) -> None:
    """Read with feedd.subscribe; the messages of a Gap are lost."""
    with feedd.subscribe(endpoint, [prefix]) as stream:
        while time.monotonic() < end_s:
            event = stream.receive(0.5)
            if isinstance(event, feedd.Gap):
                result.lost += 1 + (event.to_seq or event.from_seq) - event.from_seq
            elif isinstance(event, feedd.Quote | feedd.Trade):
                result.add(event.published_ns)


def main() -> None:
    """Subscribe for the time given, and print what came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["steady", "client", "slow", "deaf"])
    parser.add_argument("endpoint")
    parser.add_argument("prefix")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--queue", type=int, default=0, help="messages; 0: libzmq's own 1,000")
    given = parser.parse_args()
    if given.realtime:
        enter_realtime(inherit=True)
    result = Result(given.kind)
    end_s = time.monotonic() + given.seconds
    if given.kind == "client":
        read_with_client(result, given.endpoint, given.prefix, end_s)
    else:
        read_plain(result, given.endpoint, given.prefix, end_s, given.queue)
    print(json.dumps(asdict(result)), flush=True)
    os._exit(0)  # a socket that is behind is not closed in time


if __name__ == "__main__":
    main()

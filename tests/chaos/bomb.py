"""A greedy subscriber: `python -m chaos.bomb OUT ENDPOINT COUNT LENGTH SEED`."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

import zmq


def main(out: Path, endpoint: str, count: int, length: int, seed: int) -> None:
    """Subscribe, and stay until killed."""
    os.nice(19)  # represents a subscriber on another machine, whose CPU is no load here
    generator = random.Random(seed)
    socket = zmq.Context().socket(zmq.SUB)
    socket.sndhwm = socket.linger = 0
    socket.connect(endpoint)
    for _ in range(count):
        socket.subscribe(f"{generator.getrandbits(4 * length):0{length}x}")
    out.write_text(json.dumps({"at": time.monotonic(), "kind": "subscribed"}) + "\n")
    while True:  # libzmq resubscribes when asked for a message
        socket.poll(1000)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))

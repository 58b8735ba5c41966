"""Clients that are wrong, each in its way; they fail the conformance run.

naive        hands on what comes, and looks at no number
duplicates   feedd.subscribe, and besides what comes a second time
blind        feedd.subscribe, with no eye for `next_seq`
"""

from __future__ import annotations

import builtins
import os
import runpy
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import msgpack
import zmq

from feedd.client.protocol import Protocol

LAST_MS = 200  # what is still on its way comes within it
LOCK = threading.Lock()
ADAPTER = Path(__file__).resolve().parent.parent.parent / "examples" / "conformance_client.py"


class Reader:
    """A plain subscriber that prints every message."""

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.linger = 0
            for topic in self._topics:
                socket.subscribe(topic)
            socket.connect(os.environ["FEEDD_ENDPOINT"])
            while socket.poll(20) or not self._stop.is_set() or socket.poll(LAST_MS):
                if not socket.poll(0):
                    continue
                topic, payload = socket.recv_multipart()
                message = msgpack.unpackb(payload)
                print("TICK", topic.decode(), message["session"], message["seq"], flush=True)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def naive() -> None:
    for order in sys.stdin:
        match order.split():
            case ["SUBSCRIBE", *topics]:
                reader = Reader(topics)
            case ["END"]:
                reader.close()
                print("DONE", flush=True)


def say(*words: Any, flush: bool) -> None:
    """Print a line in one piece, whichever thread another one is from."""
    del flush
    with LOCK:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()


def duplicates() -> None:
    builtins.print = say  # type: ignore[assignment]
    take, times = Protocol.message, Counter[Any]()

    def message(self: Protocol, frame: bytes, payload: bytes, now_s: float) -> None:
        take(self, frame, payload, now_s)
        if not frame.startswith(b"status."):
            came = msgpack.unpackb(payload)
            key = (frame.decode(), came["session"], came["seq"])
            times[key] += 1
            if times[key] > 1:
                print("TICK", *key, flush=True)

    Protocol.message = message  # type: ignore[method-assign]
    runpy.run_path(str(ADAPTER), run_name="__main__")


def blind() -> None:
    take = Protocol.message

    def message(self: Protocol, frame: bytes, payload: bytes, now_s: float) -> None:
        if frame.startswith(b"status."):
            payload = msgpack.packb({**msgpack.unpackb(payload), "next_seq": {}})
        take(self, frame, payload, now_s)

    Protocol.message = message  # type: ignore[method-assign]
    runpy.run_path(str(ADAPTER), run_name="__main__")


if __name__ == "__main__":
    {"naive": naive, "duplicates": duplicates, "blind": blind}[sys.argv[1]]()

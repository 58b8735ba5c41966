"""The subscriber at the end where there is no C compiler; see c/subscriber.c.

python subscriber.py LOG CAPACITY bind|connect ENDPOINT PREFIX SOCKETS

It does the same, at some 200,000 messages a second at best.
"""

from __future__ import annotations

import mmap
import re
import struct
import sys
import time
from pathlib import Path

import msgpack
import zmq

HEAD_BYTES = 64
ENTRY_BYTES = 24

_ID = re.compile(rb'"u":(\d+)')


def topic_hash(topic: bytes) -> int:
    """Return FNV-1a, 64 bits."""
    value = 14695981039346656037
    for byte in topic:
        value = (value ^ byte) * 1099511628211 % 2**64
    return value


def id_of(payload: bytes) -> int:
    """Return a payload's `id` (MessagePack) or `u` (JSON); 0 where there is none."""
    if payload[:1] == b"{":
        match = _ID.search(payload)
        return int(match[1]) if match else 0
    try:
        message = msgpack.unpackb(payload)
    except ValueError:
        return 0
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, int) else 0


def main(path: str, capacity: int, how: str, endpoint: str, prefix: str, sockets: int) -> None:
    """Note what comes, until a signal ends it."""
    with Path(path).open("r+b") as file:
        log = mmap.mmap(file.fileno(), 0)
    context = zmq.Context()
    poller = zmq.Poller()
    for _ in range(sockets):
        socket = context.socket(zmq.SUB)
        socket.rcvhwm = 0
        socket.reconnect_ivl = 10
        socket.subscribe(prefix)
        getattr(socket, how)(endpoint)
        poller.register(socket, zmq.POLLIN)
    hashes: dict[bytes, int] = {}
    count = size = 0
    while True:
        for socket, _ in poller.poll():
            for _ in range(1000):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                payload = frames[-1]
                if count < capacity:
                    key = frames[0] if len(frames[0]) < 80 else b""
                    hashed = hashes.get(key) or hashes.setdefault(key, topic_hash(key))
                    entry = time.time_ns(), id_of(payload), hashed
                    struct.pack_into("<QQQ", log, HEAD_BYTES + count * ENTRY_BYTES, *entry)
                count += 1
                size += len(payload)
                struct.pack_into("<QQ", log, 0, count, size)


if __name__ == "__main__":
    log_path, entries, way, where, wanted, number = sys.argv[1:]
    main(log_path, int(entries), way, where, wanted, int(number))

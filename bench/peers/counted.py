"""A limit: a bare loop on the exchange's socket that counts frames, and notes when they came.

python counted.py EXCHANGE_PORT ENDPOINT LOG

Nothing is published, so ENDPOINT is not used; LOG is the subscriber's (see ../c/subscriber.c).
Times are noted as long as there are fewer than its capacity, in memory, and written out ten times
a second.
"""

from __future__ import annotations

import asyncio
import mmap
import re
import struct
import sys
import time
from pathlib import Path

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

HEAD_BYTES = 64
ENTRY_BYTES = 24
WRITE_EVERY_S = 0.1

_ID = re.compile(rb'"u":(\d+)')


class Counter(WSListener):
    """Counts every text frame, and keeps the first ones with their times."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.count = 0
        self.noted: list[tuple[int, bytes]] = []
        self._capacity = capacity

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Count it."""
        if frame.msg_type == WSMsgType.TEXT:
            if self.count < self._capacity:
                self.noted.append((time.time_ns(), frame.get_payload_as_bytes()))
            self.count += 1


async def main(port: str, path: Path) -> None:
    """Count for ever."""
    with path.open("r+b") as file:
        log = mmap.mmap(file.fileno(), 0)
    counter = Counter((len(log) - HEAD_BYTES) // ENTRY_BYTES)
    url = f"ws://127.0.0.1:{port}/public/ws/btcusdt@bookTicker"
    await ws_connect(lambda: counter, url)
    written = 0
    while True:
        await asyncio.sleep(WRITE_EVERY_S)
        noted, counter.noted = counter.noted, []
        for at_ns, payload in noted:
            match = _ID.search(payload)
            entry = at_ns, int(match[1]) if match else 0, 0
            struct.pack_into("<QQQ", log, HEAD_BYTES + written * ENTRY_BYTES, *entry)
            written += 1
        struct.pack_into("<Q", log, 0, counter.count)


uvloop.run(main(sys.argv[1], Path(sys.argv[3])))

"""Clients of the gateway that hardly read: stalled WebSockets, and scrapers that take their time.

    python bench/slow_clients.py PORT STALLED SCRAPERS

A stalled one asks for every message and reads none. A scraper takes 4 KB of the metrics every
0.1 s, and begins again at their end.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import sys
import time

RECEIVE_BUFFER = 4096
EVERY_S = 0.1
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def connected(port: int, request: bytes) -> socket.socket:
    """Return a connection with a small buffer, after its request."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    one.connect(("127.0.0.1", port))
    one.sendall(request)
    one.setblocking(False)
    return one


def handshake() -> bytes:
    """Return the request of a WebSocket for everything."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        "GET /stream?topic=&topic=status. HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def main(port: int, stalled: int, scrapers: int) -> None:
    """Run until ended."""
    kept = [connected(port, handshake()) for _ in range(stalled)]
    scraping: list[socket.socket] = []
    print("ready", flush=True)
    while kept or scrapers:
        if len(scraping) < scrapers:  # not all at once
            scraping.append(connected(port, SCRAPE))
        for at, one in enumerate(scraping):
            with contextlib.suppress(BlockingIOError):
                try:
                    ended = not one.recv(RECEIVE_BUFFER)
                except ConnectionError:
                    ended = True
                if ended:
                    one.close()
                    scraping[at] = connected(port, SCRAPE)
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))

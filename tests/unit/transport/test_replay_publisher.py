"""The replay's socket: its end, where a proxy is behind."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import zmq
from conftest import free_ports

from feedd.transport.replay_publisher import ReplayPublisher
from feedd.transport.sockets import PROXY_MARK, SUBSCRIBE

UNREAD = 100  # messages that the proxy's socket takes from the system


async def connected(endpoint: str, proxy: zmq.Socket[bytes]) -> ReplayPublisher:
    publisher = ReplayPublisher(lossless=True)
    await publisher.bind(f"tcp://127.0.0.1:{free_ports(1)[0]}")
    connecting = asyncio.ensure_future(publisher.connect([endpoint], 30.0))
    while not connecting.done():
        proxy.getsockopt(zmq.EVENTS)  # accepts the connection
        await asyncio.sleep(0.01)
    assert connecting.result()
    return publisher


def test_a_proxy_that_is_behind_receives_everything_before_the_end(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/workers.sock"
    with zmq.Context() as context, context.socket(zmq.XSUB) as proxy:
        proxy.rcvhwm = UNREAD
        proxy.bind(endpoint)
        for prefix in (SUBSCRIBE, SUBSCRIBE + PROXY_MARK + b".proxy"):
            proxy.send(prefix)
        publisher = asyncio.run(connected(endpoint, proxy))
        sent = 0
        while publisher.send(b"quote.x.y.", b"%d" % sent + bytes(500)):
            sent += 1
        assert sent > UNREAD
        whole: list[bool] = []

        def close() -> None:
            whole.append(publisher.close_when_sent(lambda seconds: time.sleep(seconds) or False))

        closing = threading.Thread(target=close)
        closing.start()
        received = 0
        while received < sent and proxy.poll(10_000):
            proxy.recv_multipart()
            received += 1
            time.sleep(0.001)
        closing.join()
    assert (received, whole) == (sent, [True])

"""A limit: what picows and zmq cost when nothing is decoded. The frame is the payload.

python forwarded.py EXCHANGE_PORT ENDPOINT
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
import zmq
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

TOPIC = b"quote.binanceusdm.BTC/USDT:USDT."


class Forwarder(WSListener):
    """Sends every text frame on."""

    def __init__(self, publisher: zmq.Socket[bytes]) -> None:
        super().__init__()
        self._send = publisher.send

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Send it in two frames."""
        if frame.msg_type == WSMsgType.TEXT:
            self._send(TOPIC, zmq.SNDMORE)
            self._send(frame.get_payload_as_bytes())


async def main(port: str, endpoint: str) -> None:
    """Forward for ever."""
    publisher = zmq.Context().socket(zmq.PUB)
    publisher.sndhwm = 0
    publisher.bind(endpoint)
    url = f"ws://127.0.0.1:{port}/public/ws/btcusdt@bookTicker"
    transport, _ = await ws_connect(lambda: Forwarder(publisher), url)
    await transport.wait_disconnected()
    await asyncio.sleep(0)


uvloop.run(main(sys.argv[1], sys.argv[2]))

"""What an hour's work gives: `websockets`, orjson, msgpack, zmq. No health, no reconnect, no seq.

python hand_written.py EXCHANGE_PORT ENDPOINT
"""

from __future__ import annotations

import sys
import time

import msgpack
import orjson
import uvloop
import zmq
from websockets.asyncio.client import connect

SYMBOL = "BTC/USDT:USDT"
TOPIC = f"quote.binanceusdm.{SYMBOL}.".encode()


async def main(port: str, endpoint: str) -> None:
    """Publish every quote for ever."""
    publisher = zmq.Context().socket(zmq.PUB)
    publisher.sndhwm = 0
    publisher.bind(endpoint)
    url = f"ws://127.0.0.1:{port}/public/ws/btcusdt@bookTicker"
    async with connect(url, compression=None, proxy=None) as exchange:
        async for text in exchange:
            quote = orjson.loads(text)
            publisher.send_multipart([
                TOPIC,
                msgpack.packb({
                    "symbol": SYMBOL,
                    "timestamp": quote["T"],
                    "bid": float(quote["b"]),
                    "bid_size": float(quote["B"]),
                    "ask": float(quote["a"]),
                    "ask_size": float(quote["A"]),
                    "exchange": "binanceusdm",
                    "published_ns": time.time_ns(),
                    "id": quote["u"],
                }),
            ])  # fmt: skip


uvloop.run(main(sys.argv[1], sys.argv[2]))

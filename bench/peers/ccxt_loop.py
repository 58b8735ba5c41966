"""The loop that most people write: ccxt.pro's `watch_bids_asks`, msgpack, zmq.

python ccxt_loop.py EXCHANGE_PORT ENDPOINT
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import ccxt.pro
import msgpack
import zmq
import zmq.asyncio

SYMBOL = "BTC/USDT:USDT"
TOPIC = f"quote.binanceusdm.{SYMBOL}.".encode()


def moved(urls: Any, local: str) -> Any:
    """Return ccxt's addresses, all at the one local exchange."""
    if isinstance(urls, dict):
        return {name: moved(url, local) for name, url in urls.items()}
    scheme, _, rest = urls.partition("://")
    return f"{'ws' if scheme == 'wss' else 'http'}://{local}/{rest.partition('/')[2]}"


async def main(port: str, endpoint: str) -> None:
    """Publish every quote that the loop is given, for ever."""
    exchange = ccxt.pro.binanceusdm()
    exchange.urls["api"] = moved(exchange.urls["api"], f"127.0.0.1:{port}")
    publisher = zmq.asyncio.Context().socket(zmq.PUB)
    publisher.bind(endpoint)
    session, seq = time.time_ns() // 1_000_000, 0
    while True:
        tickers = await exchange.watch_bids_asks([SYMBOL])
        ticker = tickers[SYMBOL]
        seq += 1
        await publisher.send_multipart([
            TOPIC,
            msgpack.packb({
                "symbol": SYMBOL,
                "timestamp": ticker["timestamp"],
                "bid": ticker["bid"],
                "bid_size": ticker["bidVolume"],
                "ask": ticker["ask"],
                "ask_size": ticker["askVolume"],
                "exchange": "binanceusdm",
                "published_ns": time.time_ns(),
                "session": session,
                "seq": seq,
                "id": ticker["info"]["u"],
            }),
        ])  # fmt: skip


asyncio.run(main(sys.argv[1], sys.argv[2]))

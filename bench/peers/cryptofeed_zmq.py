"""cryptofeed with its own ZMQ backend, as its examples set it up.

python cryptofeed_zmq.py EXCHANGE_PORT ENDPOINT

It takes only wss:// addresses; that check is lifted here, so that it can be measured on loopback
like all the others, without TLS.
"""

from __future__ import annotations

import asyncio
import sys

from cryptofeed import FeedHandler
from cryptofeed.backends.zmq import TickerZMQ
from cryptofeed.connection import AsyncConnection, WSAsyncConn
from cryptofeed.defines import TICKER
from cryptofeed.exchanges import BinanceFutures


def _any_address(
    self: WSAsyncConn,
    address: str,
    conn_id: str,
    authentication: object = None,
    subscription: object = None,
    **options: object,
) -> None:
    """Do what `WSAsyncConn.__init__` of 2.4.1 does, but for the check."""
    self.address = address
    AsyncConnection.__init__(
        self,
        f"{conn_id}.ws.{self.conn_count}",
        authentication=authentication,
        subscription=subscription,
    )
    self.ws_kwargs = options


def main(port: str, endpoint: str) -> None:
    """Publish quotes for ever."""
    WSAsyncConn.__init__ = _any_address
    BinanceFutures.websocket_endpoints[0].address = f"ws://127.0.0.1:{port}"
    BinanceFutures.rest_endpoints[0].address = f"http://127.0.0.1:{port}"
    to = int(endpoint.rpartition(":")[2])
    handler = FeedHandler(config={"log": {"disabled": True}, "uvloop": True})
    asyncio.set_event_loop(asyncio.new_event_loop())  # its uvloop makes none by itself any more
    handler.add_feed(
        BinanceFutures(
            symbols=["BTC-USDT-PERP"],
            channels=[TICKER],
            callbacks={TICKER: TickerZMQ(host="127.0.0.1", port=to)},
        )
    )
    handler.run()


main(sys.argv[1], sys.argv[2])

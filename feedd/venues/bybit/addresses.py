"""Bybit's hosts and paths, v5.

https://bybit-exchange.github.io/docs/v5/ws/connect
"""

from __future__ import annotations

from feedd.venues.addresses import Addresses

LINEAR_ROUTE = "/v5/public/linear"
LINEAR = Addresses(
    rest="https://api.bybit.com",
    websocket="wss://stream.bybit.com",
    page_prefixes=("/v5/",),
    websocket_roots=("/v5/public", "/v5/private"),
    routes={LINEAR_ROUTE: ("ticker", "quote", "trade", "book", "candle", "liquidation")},
)

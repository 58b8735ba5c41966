"""Bybit's hosts and paths, v5.

https://bybit-exchange.github.io/docs/v5/ws/connect
"""

from __future__ import annotations

from typing import Literal

from feedd.venues.addresses import Addresses

Category = Literal["linear", "inverse", "spot"]  # of a market, also in the paths and the pages

SPOT_CHANNELS = ("ticker", "quote", "trade", "book", "candle")
CHANNELS = (*SPOT_CHANNELS, "liquidation")


def _category(name: Category, channels: tuple[str, ...]) -> Addresses:
    return Addresses(
        rest="https://api.bybit.com",
        websocket="wss://stream.bybit.com",
        page_prefixes=("/v5/",),
        websocket_roots=("/v5/public", "/v5/private"),
        routes={f"/v5/public/{name}": channels},
    )


LINEAR = _category("linear", CHANNELS)
INVERSE = _category("inverse", CHANNELS)
SPOT = _category("spot", SPOT_CHANNELS)
OF: dict[Category, Addresses] = {"linear": LINEAR, "inverse": INVERSE, "spot": SPOT}

"""Binance's hosts and paths."""

from __future__ import annotations

from feedd.channels import CHANNEL_NAMES, CHANNELS
from feedd.venues.addresses import Addresses

# A WebSocket path is `/<category>/<mode>`; each may be followed by a number of the client's own.
PUBLIC, MARKET, PRIVATE = "public", "market", "private"
CATEGORIES = (PUBLIC, MARKET, PRIVATE)
# `ws` sends events as they are, `stream` wraps each in its stream's name.
PLAIN, COMBINED = "ws", "stream"
MODES = (PLAIN, COMBINED)
PUBLIC_CHANNELS = ("quote", "trade", "book")  # of USD-M

# https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams:
# since 2026 high-frequency streams are below /public and the others below /market. A stream on the
# wrong path is acknowledged and stays silent.
USDM = Addresses(
    rest="https://fapi.binance.com",
    websocket="wss://fstream.binance.com",
    page_prefixes=("/fapi/v1/", "/fapi/v2/", "/fapi/v3/", "/sapi/v1/"),
    websocket_roots=tuple(f"/{root}" for root in (*MODES, *CATEGORIES)),
    routes={
        f"/{PUBLIC}/{PLAIN}": PUBLIC_CHANNELS,
        f"/{MARKET}/{PLAIN}": tuple(name for name in CHANNEL_NAMES if name not in PUBLIC_CHANNELS),
    },
)
USDM_ACCOUNT = "/fapi/v3/account"

# https://developers.binance.com/docs/derivatives/coin-margined-futures/websocket-market-streams:
# one path carries all streams.
COINM = Addresses(
    rest="https://dapi.binance.com",
    websocket="wss://dstream.binance.com",
    page_prefixes=("/dapi/v1/", "/sapi/v1/"),
    websocket_roots=tuple(f"/{mode}" for mode in MODES),
    routes={f"/{PLAIN}": CHANNEL_NAMES},
)
COINM_ACCOUNT = "/dapi/v1/account"

# https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
SPOT = Addresses(
    rest="https://api.binance.com",
    websocket="wss://stream.binance.com:9443",
    page_prefixes=("/api/v3/", "/sapi/v1/"),
    websocket_roots=tuple(f"/{mode}" for mode in MODES),
    routes={
        f"/{PLAIN}": tuple(name for name, spec in CHANNELS.items() if not spec.derivatives_only)
    },
)
SPOT_ACCOUNT = "/api/v3/account"

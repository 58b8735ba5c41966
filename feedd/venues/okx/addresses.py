"""OKX's hosts and paths: the global exchange's, those of the US and of the EEA.

https://www.okx.com/docs-v5/en/#overview-websocket-overview: candles are on the path /business.
"""

from __future__ import annotations

from feedd.channels import CHANNEL_NAMES, CHANNELS
from feedd.venues.addresses import Addresses

PUBLIC, BUSINESS = "/ws/v5/public", "/ws/v5/business"
HOSTS = {  # by exchange: REST, WebSocket
    "okx": ("www.okx.com", "ws.okx.com:8443"),
    "okxus": ("us.okx.com", "wsus.okx.com:8443"),
    "myokx": ("eea.okx.com", "wseea.okx.com:8443"),
}


def addresses(exchange: str, *, derivatives: bool) -> Addresses:
    """Return the addresses of an exchange's spot markets, or of its derivatives."""
    rest, websocket = HOSTS[exchange]
    names = [name for name in CHANNEL_NAMES if derivatives or not CHANNELS[name].derivatives_only]
    return Addresses(
        rest=f"https://{rest}",
        websocket=f"wss://{websocket}",
        page_prefixes=("/api/v5/",),
        websocket_roots=("/ws/v5",),
        routes={
            PUBLIC: tuple(name for name in names if name != "candle"),
            BUSINESS: ("candle",),
        },
    )

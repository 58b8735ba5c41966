"""Coinbase's limits of one address.

https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-rate-limits: 8
connections a second. https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/rest-api: 10
requests a second for public pages.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits(
    "coinbase", share_of(10, 1.0, 10), per_cost=None, connects=share_of(8, 1.0, 8), unit="requests",
)  # fmt: skip

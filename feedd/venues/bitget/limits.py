"""Bitget's limits of one address, which all its markets share.

https://www.bitget.com/api-doc/common/intro: 20 requests a second for a page of market data.
https://www.bitget.com/api-doc/common/websocket-intro: 300 connections in 5 minutes.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits(
    "bitget", share_of(20, 1.0, 10), per_cost=None, connects=share_of(300, 300.0, 60),
    unit="requests",
)  # fmt: skip

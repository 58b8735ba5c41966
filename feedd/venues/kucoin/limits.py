"""KuCoin's limits of one address.

https://www.kucoin.com/docs-new/rate-limit: a weight of 2,000 in 30 s for public pages, of which
feedd's have 4 (a snapshot of spot) to 10. https://www.kucoin.com/docs-new/websocket-api/base-info/introduction:
30 connections a minute.
"""

from __future__ import annotations

from feedd.venues.limits import MINUTE_S, AddressLimits, share_of

LIMITS = AddressLimits(
    "kucoin", share_of(200, 30.0, 10), per_cost=None, connects=share_of(30, MINUTE_S, 12),
    unit="requests",
)  # fmt: skip

"""MEXC's limits of one address.

https://www.mexc.com/api-docs/spot-v3/general-info#limits: a weight of 500 in 10 s.
https://www.mexc.com/api-docs/futures/market-endpoints: 20 requests in 2 s for most pages.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits("mexc", share_of(500, 10.0, 20))
CONTRACT_LIMITS = AddressLimits(
    "mexc-contracts", share_of(20, 2.0, 10), per_cost=None, unit="requests"
)

"""Kraken Futures' limits of one address.

https://docs.kraken.com/api/docs/guides/futures-rate-limits: a cost of 500 in 10 s for the pages of
`/derivatives`; a page of the market data costs 1.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits("krakenfutures", share_of(500, 10.0, 10), per_cost=None, unit="requests")

"""OKX's limits of one address, which all its markets share.

https://www.okx.com/docs-v5/en/#overview-websocket-connect: 3 connections per second. The pages that
are requested here, the list of instruments and the history of trades, each have a limit of 20
requests in 2 s (https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments).
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits(
    "okx", share_of(20, 2.0, 10), per_cost=None, connects=share_of(3, 1.0, 10), unit="requests"
)

"""Deribit's limits of one address, which all its markets share.

https://docs.deribit.com/#rate-limits: without a key, 20 requests a second and bursts of 100.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits("deribit", share_of(100, 5.0, 10), per_cost=None, unit="requests")

"""Crypto.com's limits of one address, which all its markets share.

https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#rate-limits: 100 public requests a
second.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits("cryptocom", share_of(100, 1.0, 10), per_cost=None, unit="requests")

"""Kraken's limits of one address.

https://support.kraken.com/articles/206548367-what-are-the-api-rate-limits-: public requests "at a
frequency of 1 per second (or less)"; about 150 connections in any 10 minutes, and a ban of 10
minutes else.
"""

from __future__ import annotations

from feedd.venues.limits import PAUSE_S, AddressLimits, share_of

LIMITS = AddressLimits(
    "kraken", share_of(60, 60.0, 60), per_cost=None, connects=share_of(150, 600.0, 60),
    unit="requests", pause_s={**PAUSE_S, 403: 600.0},
)  # fmt: skip

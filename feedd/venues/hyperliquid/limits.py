"""Hyperliquid's limits of one address, which all its markets share.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits: a
weight of 1,200 per minute, 10 connections, and 30 new ones per minute.
"""

from __future__ import annotations

from feedd.venues.limits import MINUTE_S, AddressLimits, share_of

LIMITS = AddressLimits(
    "hyperliquid", share_of(1200, MINUTE_S, 12), connects=share_of(30, MINUTE_S, 12)
)

"""Bitfinex's limits of one address, which all its markets share.

https://docs.bitfinex.com/docs/requirements-and-limitations: between 10 and 90 requests a minute,
and 20 connections a minute to `wss://api-pub.bitfinex.com`.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits(
    "bitfinex", share_of(30, 60.0, 60), per_cost=None, connects=share_of(20, 60.0, 60),
    unit="requests",
)  # fmt: skip

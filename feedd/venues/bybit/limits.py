"""Bybit's limits of one address, which all its markets share.

https://bybit-exchange.github.io/docs/v5/rate-limit: 600 requests in 5 s, and after a 403 "wait for
at least 10 minutes". https://bybit-exchange.github.io/docs/v5/ws/connect: 500 connections in 5
minutes.
"""

from __future__ import annotations

from feedd.venues.limits import PAUSE_S, AddressLimits, share_of

LIMITS = AddressLimits(
    "bybit", share_of(600, 5.0, 10), per_cost=None, connects=share_of(500, 300.0, 60),
    unit="requests", pause_s={**PAUSE_S, 403: 600.0},
)  # fmt: skip

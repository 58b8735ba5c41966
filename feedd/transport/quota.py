"""Byte quota of one connection to a socket that receives only subscriptions. Pure."""

from __future__ import annotations

# 20,000 topics of 60 bytes take 1.5 MB, with ZMTP's 12 bytes for each (RFC 37).
BURST_BYTES = 2 << 20
REFILL_BYTES_PER_S = 64  # more than pings need


class Quota:
    """Token bucket, full at first.

    A subscriber sends only subscriptions and pings. libzmq uses up to 35 times the length of a
    subscription in memory, without a limit.
    """

    __slots__ = ("_at_s", "_left", "_received")

    def __init__(self, now_s: float) -> None:
        self._at_s = now_s
        self._left = float(BURST_BYTES)
        self._received = 0

    def exceeded(self, received: int, now_s: float) -> bool:
        """Update with the total of bytes received; return whether they exceed the quota."""
        filled = self._left + (now_s - self._at_s) * REFILL_BYTES_PER_S
        self._left = min(filled, BURST_BYTES) - (received - self._received)
        self._at_s, self._received = now_s, received
        return self._left < 0

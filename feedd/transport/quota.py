"""How much one connection may send to a socket that nobody should send much to. Pure."""

from __future__ import annotations

# 20,000 topics of 60 bytes take 1.5 MB, with ZMTP's 12 bytes for each (RFC 37).
BURST_BYTES = 2 << 20
REFILL_BYTES_PER_S = 64  # pings take a few; what is beyond them adds up


class Quota:
    """A bucket: full at first, and filled again by so much a second.

    A subscriber sends nothing but subscriptions and pings. libzmq takes 35 times the memory of
    what a subscription is long, at the worst, and has no bound of its own.
    """

    __slots__ = ("_at_s", "_left", "_sent")

    def __init__(self, now_s: float) -> None:
        self._at_s = now_s
        self._left = float(BURST_BYTES)
        self._sent = 0

    def exceeded(self, sent: int, now_s: float) -> bool:
        """Take in how many bytes were sent in all; return whether it was too much."""
        filled = self._left + (now_s - self._at_s) * REFILL_BYTES_PER_S
        self._left = min(filled, BURST_BYTES) - (sent - self._sent)
        self._at_s, self._sent = now_s, sent
        return self._left < 0

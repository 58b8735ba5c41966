"""Adaptive staleness: how long a channel may be silent, learnt from its own silences. Pure.

A Bitcoin quote comes a hundred times a second and a small coin's twice a minute, so no fixed limit
fits both. Each channel remembers its longest silence, which fades by half in an hour, and is stale
after a multiple of it. `SilenceLimits` of `feedd.channels` bound the result: below the floor quiet
is normal, above the ceiling nothing may go unnoticed, and the first limit applies until a minute
of data has been received.
"""

from __future__ import annotations

from feedd.channels import CHANNELS
from feedd.clock import NS_PER_HOUR, NS_PER_S

TIMES_USUAL = 4  # the limit, in multiples of the longest usual silence
HALF_LIFE_NS = NS_PER_HOUR
LEARNT_AFTER_NS = 60 * NS_PER_S  # of data received


class AdaptiveLimit:
    """Staleness limit of one channel."""

    __slots__ = ("_bounds", "_listened_ns", "_usual_ns")

    def __init__(self, channel: str) -> None:
        self._bounds = CHANNELS[channel].silence
        self._usual_ns = 0.0
        self._listened_ns = 0

    def learn(self, silence_ns: int) -> None:
        """Learn from a silence that an event ended: however long, the channel was only quiet."""
        self._listened_ns += silence_ns
        faded = self._usual_ns * 0.5 ** (silence_ns / HALF_LIFE_NS)
        self._usual_ns = max(float(silence_ns), faded)

    @property
    def limit_ns(self) -> int:
        """Silence after which the channel is stale."""
        bounds = self._bounds
        if self._listened_ns < LEARNT_AFTER_NS:
            return bounds.first_ns
        return int(min(max(TIMES_USUAL * self._usual_ns, bounds.floor_ns), bounds.ceiling_ns))

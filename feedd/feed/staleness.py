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
PAUSES_ALIKE = 2  # between renewals, before they grow
RENEWED_WITHIN_NS = 300 * NS_PER_S  # at most, where nothing flows


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


class RenewalPause:
    """Pause between renewals of a silent channel's subscription: doubled each time, up to a cap.

    A subscription that stays silent is more often a quiet market than a lost subscription. The cap
    is higher (`patient`) while other channels flow, whose data a new connection may cost, and for a
    symbol that is not traded.
    """

    __slots__ = ("_renewals", "_until_ns")

    def __init__(self) -> None:
        self._renewals = 0
        self._until_ns = 0

    def over(self, now_ns: int) -> bool:
        """Whether the next renewal is due."""
        return now_ns >= self._until_ns

    def begin(self, now_ns: int, first_ns: int, *, patient: bool) -> None:
        """Start the pause after a renewal, of `first_ns` at first."""
        cap_ns = NS_PER_HOUR if patient else max(RENEWED_WITHIN_NS, first_ns)
        doubled = max(0, self._renewals + 1 - PAUSES_ALIKE)
        self._until_ns = now_ns + min(first_ns << min(doubled, 32), cap_ns)
        self._renewals += 1

    def reset(self) -> None:
        """Renew the next silence without a pause."""
        self._renewals = self._until_ns = 0

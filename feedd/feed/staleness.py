"""What a channel usually does, and from it how long it may be silent. Pure.

A quote of Bitcoin comes a hundred times a second, one of a small coin twice a minute: no fixed
limit fits both. So each channel's silences are remembered, the longest of them fading by half in
an hour, and a silence of several times that length is one too many. Bounds keep the limit sane:
`floor` since a second of quiet is no news anywhere, `ceiling` since nothing may go unnoticed for
ever, and `first` is the limit until something has been learnt.
"""

from __future__ import annotations

from dataclasses import dataclass

S = 1_000_000_000

TIMES_USUAL = 4  # so many times the longest usual silence is one too many
HALF_LIFE_NS = 3600 * S
LEARNT_AFTER_NS = 60 * S  # of listening


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a channel's silence, in ns."""

    floor_ns: int
    first_ns: int
    ceiling_ns: int


# Where an exchange sends at fixed intervals, the floor is a few of them (Binance USD-M: a ticker
# every 2 s, a mark price every 1 or 3 s; a candle while there are trades).
BOUNDS: dict[str, Bounds] = {
    "ticker": Bounds(10 * S, 30 * S, 120 * S),
    "quote": Bounds(10 * S, 30 * S, 300 * S),
    "book": Bounds(10 * S, 30 * S, 300 * S),
    "mark": Bounds(15 * S, 30 * S, 120 * S),
    "trade": Bounds(60 * S, 600 * S, 3600 * S),
    "candle": Bounds(60 * S, 600 * S, 3600 * S),
    "liquidation": Bounds(86_400 * S, 86_400 * S, 7 * 86_400 * S),
}


class Pace:
    """Learns from the silences between a channel's events on one connection."""

    __slots__ = ("_bounds", "_listened_ns", "_usual_ns")

    def __init__(self, channel: str) -> None:
        self._bounds = BOUNDS[channel]
        self._usual_ns = 0.0
        self._listened_ns = 0

    def learn(self, silence_ns: int) -> None:
        """Take a silence that ended by itself: however long, it was quiet and not death."""
        self._listened_ns += silence_ns
        faded = self._usual_ns * 0.5 ** (silence_ns / HALF_LIFE_NS)
        self._usual_ns = max(float(silence_ns), faded)

    @property
    def limit_ns(self) -> int:
        """How long the channel may be silent before it counts as stale."""
        bounds = self._bounds
        if self._listened_ns < LEARNT_AFTER_NS:
            return bounds.first_ns
        return int(min(max(TIMES_USUAL * self._usual_ns, bounds.floor_ns), bounds.ceiling_ns))

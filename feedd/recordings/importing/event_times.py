"""Times in an exchange's events as the wire has them: ms.

Some streams can be requested with times in µs. An event's times are converted by their magnitude;
one that is implausible in every unit, or in a unit other than its stream's first, is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.clock import NS_PER_MS, iso8601
from feedd.model import Candle, Mark, Ticker
from feedd.recordings.importing.times import Times

if TYPE_CHECKING:
    from feedd.model import Tick

_UNSET = 0


class EventTimes:
    """Times of the events of one stream."""

    def __init__(self) -> None:
        self._times = Times()
        self._ms_at_least, self._ms_below = _UNSET, _UNSET

    def ms(self, value: int) -> int:
        """Return a time in ms; raise ValueError as `Times.of_number`."""
        if self._ms_at_least <= value < self._ms_below:
            return value
        ms = self._times.of_number(value) // NS_PER_MS
        unit = self._times.unit
        if unit is not None and unit.ns == NS_PER_MS:
            self._ms_at_least, self._ms_below = unit.at_least, unit.below
        return ms

    def convert(self, tick: Tick) -> None:
        """Convert all times of an event."""
        if tick.timestamp is not None:
            tick.timestamp = self.ms(tick.timestamp)
            if type(tick) is Ticker:
                tick.datetime = iso8601(tick.timestamp)
        if type(tick) is Candle:
            tick.open_time = self.ms(tick.open_time)
        elif type(tick) is Mark and tick.next_funding is not None:
            unit = self._times.unit
            ns = NS_PER_MS if unit is None else unit.ns
            tick.next_funding = tick.next_funding * ns // NS_PER_MS

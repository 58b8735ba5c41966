"""Times as files write them: s, ms, µs or ns since the epoch, or ISO 8601. Pure but for the clock.

The unit follows from the magnitude: within 2009 to tomorrow the four do not overlap. A column
keeps the unit of its first value, so that a file with mixed units is an error.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from feedd.clock import NS_PER_DAY, NS_PER_MS, NS_PER_S

EARLIEST_NS = 1_230_768_000 * NS_PER_S  # 2009-01-01, the year of the first exchanges
NEEDED = "in s, ms, µs or ns since 1970-01-01 UTC, between 2009 and tomorrow, or ISO 8601"

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,12}))? ?(Z|UTC|[+-]\d\d:?\d\d)?)?"
)
_DECIMAL = re.compile(r"(\d{1,20})\.(\d*)")


class Unit(NamedTuple):
    """A unit of time, and the plausible range in it."""

    name: str
    ns: int
    at_least: int
    below: int


def units() -> tuple[Unit, ...]:
    """Return the four units with their plausible ranges."""
    latest_ns = time.time_ns() + NS_PER_DAY
    return tuple(
        Unit(name, ns, EARLIEST_NS // ns, latest_ns // ns + 1)
        for name, ns in (("s", NS_PER_S), ("ms", NS_PER_MS), ("µs", 1_000), ("ns", 1))
    )


class Times:
    """Times of one column or one kind of message, all in the unit of the first."""

    def __init__(self) -> None:
        self._units = units()
        self.unit: Unit | None = None
        self._at_least = self._below = self._ns = 0
        self._iso = False

    @property
    def name(self) -> str:
        """The unit, for people."""
        if self.unit is not None:
            return self.unit.name
        return "ISO 8601" if self._iso else "no times"

    def of_number(self, value: int) -> int:
        """Return ns since the epoch; raise ValueError for an implausible time or another unit."""
        if self._at_least <= value < self._below:
            return value * self._ns
        return self._unlike(value) * self._ns

    def of_text(self, text: str) -> int:
        """Return ns since the epoch; raise ValueError as `of_number`, and for other text."""
        try:
            value = int(text)
        except ValueError:
            return self._written(text.strip())
        if self._at_least <= value < self._below:
            return value * self._ns
        return self._unlike(value) * self._ns

    def _unlike(self, value: int) -> int:
        unit = next((one for one in self._units if one.at_least <= value < one.below), None)
        if unit is None:
            raise ValueError(f"{value} is not a time {NEEDED}")
        if self.unit is not None or self._iso:
            raise ValueError(f"{value} is in {unit.name}, but the times before it are {self.name}")
        self.unit = unit
        self._at_least, self._below, self._ns = unit.at_least, unit.below, unit.ns
        return value

    def _written(self, text: str) -> int:
        decimal = _DECIMAL.fullmatch(text)
        if decimal is not None:
            whole_ns = self.of_number(int(decimal[1]))
            digits = len(str(self._ns)) - 1
            return whole_ns + int(f"{decimal[2]:0<{digits}}"[:digits] or 0)
        match = _ISO.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a time {NEEDED}")
        if self.unit is not None:
            raise ValueError(f"{text!r} is ISO 8601, but the times before it are {self.name}")
        self._iso = True
        date, clock, fraction, zone = match.groups()
        ns = _second(date, clock or "00:00", zone or "") * NS_PER_S + int(
            f"{fraction or '':0<9}"[:9]
        )
        if not EARLIEST_NS <= ns < self._units[-1].below:
            raise ValueError(f"{text!r} is not a time {NEEDED}")
        return ns


@lru_cache(maxsize=64)  # times are mostly of the same few seconds
def _second(date: str, clock: str, zone: str) -> int:
    at = datetime.fromisoformat(f"{date}T{clock}{zone.replace('UTC', 'Z')}")
    return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp())

"""Units of time, and the machine's clocks as an object that tests can scale.

Code that measures or waits takes a `Clock`, so that a test reaches a limit of a day in a second.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NS_PER_HOUR = 3600 * NS_PER_S
NS_PER_DAY = 24 * NS_PER_HOUR


class Clock:
    """The machine's clocks, run `scale` times as fast (1.0: as they are)."""

    def __init__(self, scale: float = 1.0) -> None:
        if scale <= 0:
            raise ValueError(f"a clock's scale is above 0, not {scale}")
        self.scale = scale
        self._wall_ns = time.time_ns()
        self._mono_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        if self.scale == 1.0:
            return time.time_ns()
        return self._wall_ns + int((time.monotonic_ns() - self._mono_ns) * self.scale)

    def monotonic_s(self) -> float:
        """Seconds that never decrease."""
        return time.monotonic_ns() / NS_PER_S * self.scale

    def monotonic_ns(self) -> int:
        """Nanoseconds that never decrease."""
        return int(time.monotonic_ns() * self.scale)

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of this clock."""
        import asyncio  # noqa: PLC0415  most importers need only the constants

        await asyncio.sleep(seconds / self.scale)


def from_iso8601(text: str) -> int:
    """Return the ms since the epoch of an RFC 3339 time, which names its zone; ValueError else.

    What is finer than a ms is cut off, not rounded: `48.228568804Z` is in its 228th ms.
    """
    return us_from_iso8601(text) // 1000


def us_from_iso8601(text: str) -> int:
    """Return the µs since the epoch of an RFC 3339 time, as `from_iso8601` returns its ms."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return (at - _EPOCH) // _US


def iso8601(timestamp_ms: int) -> str:
    """Write ms since the epoch as ISO 8601: 1723161256299 is `2024-08-08T23:54:16.299Z`."""
    seconds, millis = divmod(timestamp_ms, 1000)
    return f"{_to_the_second(seconds)}.{millis:03d}Z"


@lru_cache(maxsize=16)  # times are mostly of the same few seconds
def _to_the_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))

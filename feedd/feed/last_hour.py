"""Counts and uptime over the last hour, in bounded memory. Pure: the caller gives times in ns."""

from __future__ import annotations

from collections import deque

from feedd.clock import NS_PER_HOUR

MOST = 3600  # one a second; beyond that, the oldest are dropped


class Occurrences:
    """Number of occurrences."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=MOST)

    def add(self, now_ns: int) -> None:
        """Count it once."""
        self._times.append(now_ns)

    def count(self, now_ns: int) -> int:
        """Return the number of occurrences within the last hour."""
        while self._times and self._times[0] <= now_ns - NS_PER_HOUR:
            self._times.popleft()
        return len(self._times)


class Uptime:
    """Share of time up, counted from the first time up."""

    __slots__ = ("_down_since_ns", "_first_ns", "_outages")

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._down_since_ns: int | None = None
        self._outages: deque[tuple[int, int]] = deque(maxlen=MOST)

    def up(self, now_ns: int) -> None:
        """Begin a time of uptime; no effect while up."""
        if self._first_ns is None:
            self._first_ns = now_ns
        if self._down_since_ns is not None:
            self._outages.append((self._down_since_ns, now_ns))
            self._down_since_ns = None

    def down(self, now_ns: int) -> None:
        """Begin an outage; no effect while down, or before the first time up."""
        if self._first_ns is not None and self._down_since_ns is None:
            self._down_since_ns = now_ns

    def percent(self, now_ns: int) -> float | None:
        """Return the uptime of the last hour in percent; None if it was never up."""
        if self._first_ns is None:
            return None
        begin_ns = max(self._first_ns, now_ns - NS_PER_HOUR)
        if now_ns <= begin_ns:
            return 100.0 if self._down_since_ns is None else 0.0
        while self._outages and self._outages[0][1] <= begin_ns:
            self._outages.popleft()
        down_ns = sum(end - max(start, begin_ns) for start, end in self._outages)
        if self._down_since_ns is not None:
            down_ns += now_ns - max(self._down_since_ns, begin_ns)
        return round(100.0 * (1.0 - down_ns / (now_ns - begin_ns)), 2)

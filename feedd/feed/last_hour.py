"""What happened within the last hour, in bounded memory. Pure: times are the caller's, in ns."""

from __future__ import annotations

from collections import deque

from feedd.clock import NS_PER_HOUR

MOST = 3600  # one a second; of more, the oldest are forgotten


class Occurrences:
    """How often something happened."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=MOST)

    def add(self, now_ns: int) -> None:
        """Count it once."""
        self._times.append(now_ns)

    def count(self, now_ns: int) -> int:
        """Return how often it happened within the last hour."""
        while self._times and self._times[0] <= now_ns - NS_PER_HOUR:
            self._times.popleft()
        return len(self._times)


class Uptime:
    """How much of the time something was up, from the first time that it was."""

    __slots__ = ("_down_since_ns", "_first_ns", "_outages")

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._down_since_ns: int | None = None
        self._outages: deque[tuple[int, int]] = deque(maxlen=MOST)

    def up(self, now_ns: int) -> None:
        """Note that it is up; while it is, nothing changes."""
        if self._first_ns is None:
            self._first_ns = now_ns
        if self._down_since_ns is not None:
            self._outages.append((self._down_since_ns, now_ns))
            self._down_since_ns = None

    def down(self, now_ns: int) -> None:
        """Note that it is down; while it is, or before it ever was up, nothing changes."""
        if self._first_ns is not None and self._down_since_ns is None:
            self._down_since_ns = now_ns

    def percent(self, now_ns: int) -> float | None:
        """Return how much of the last hour it was up; None where it never was."""
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

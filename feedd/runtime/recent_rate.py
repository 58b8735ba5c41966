"""Rate over the last seconds, from counts at irregular times. Pure."""

from __future__ import annotations

from collections import deque

WINDOW_S = 5.0


class RecentRate:
    """Rate of a growing count: over WINDOW_S at least, or since the first call if that is less."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def per_s(self, now_s: float, count: int) -> float:
        """Note the count, and return the rate up to now."""
        counts = self._counts
        counts.append((now_s, count))
        while len(counts) > 2 and now_s - counts[1][0] >= WINDOW_S:
            counts.popleft()
        before_s, before = counts[0]
        return (count - before) / (now_s - before_s) if now_s > before_s else 0.0

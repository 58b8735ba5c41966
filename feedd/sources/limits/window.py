"""How much of a limit is left: pure arithmetic on counts per slot of time.

A bucket of capacity C that refills at a rate r lets C + r·T pass in a time T. To hold a limit of
300 in 5 minutes with it, a start could use no more than a fraction of the 300 at once. Here
spending is counted in slots, and expires when its slot is older than the window: a start may
use the whole limit in one burst, and still no window of that length ever holds more.

Times are seconds of a clock that only grows, given by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feedd.venues.limits import PAUSE_AT_MOST_S

if TYPE_CHECKING:
    from feedd.venues.limits import RateLimit

TEXT_AT_MOST = 200  # characters of a reason, so that a record keeps its size


@dataclass
class Window:
    """Recent spending by slot number, and the end of a pause."""

    limit: RateLimit | None  # None: only pauses apply
    spent: dict[int, float] = field(default_factory=dict)
    blocked_until_s: float = 0.0
    why: str = ""

    def used(self, now_s: float) -> float:
        """Return the spending that counts now: a window may reach into one more slot."""
        if self.limit is None:
            return 0.0
        oldest = self._slot(self.limit, now_s) - self.limit.slots
        return sum(count for slot, count in self.spent.items() if slot >= oldest)

    def wait_s(self, cost: float, now_s: float) -> float:
        """Return the seconds until a cost fits: 0 for at once.

        A cost above the whole limit fits when nothing else was spent.
        """
        blocked_s = max(0.0, self.blocked_until_s - now_s)
        limit = self.limit
        if limit is None:
            return blocked_s
        over = self.used(now_s) + cost - limit.most
        for slot in sorted(self.spent):
            if over <= 0:
                break
            free_s = (slot + limit.slots + 1) * limit.slot_s
            if free_s > now_s:
                over -= self.spent[slot]
                blocked_s = max(blocked_s, free_s - now_s)
        return blocked_s

    def spend(self, cost: float, now_s: float) -> None:
        """Count spending now, and forget expired slots."""
        if self.limit is None:
            return
        slot = self._slot(self.limit, now_s)
        oldest = slot - self.limit.slots
        self.spent = {each: count for each, count in self.spent.items() if each >= oldest}
        self.spent[slot] = round(self.spent.get(slot, 0.0) + cost, 6)

    def raise_to(self, used: float, now_s: float) -> None:
        """Count at least the use that the exchange reports: others share the address."""
        missing = used - self.used(now_s)
        if missing > 0:
            self.spend(missing, now_s)

    def use_up(self, now_s: float) -> None:
        """Count the whole limit as spent now."""
        if self.limit is not None:
            self.raise_to(self.limit.most, now_s)

    def pause(self, until_s: float, why: str, now_s: float) -> None:
        """Block spending until a time; a pause is never shortened."""
        until_s = min(until_s, now_s + PAUSE_AT_MOST_S)
        if until_s > self.blocked_until_s:
            self.blocked_until_s = until_s
            self.why = why[:TEXT_AT_MOST]

    @staticmethod
    def _slot(limit: RateLimit, now_s: float) -> int:
        return int(now_s // limit.slot_s)

"""Usage of the embedded exchange by address, so that a test can check its clients. Pure.

`GET /embedded/account` reports it; that page is not part of any exchange's protocol. Times are
seconds of the exchange's clock, passed in by the caller.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from feedd.embedded.rate_limits import CONNECTS_WITHIN_S, MINUTE_S

REFUSED = frozenset({403, 418, 429})


@dataclass
class AddressAccount:
    """Usage by one address on one exchange.

    The weight is per clock minute. A request to a page without a weight counts as one.
    """

    pages: Counter[str] = field(default_factory=Counter)
    refusals: Counter[int] = field(default_factory=Counter)
    minute: int = -1
    weight: int = 0
    most_weight: int = 0
    connects: int = 0
    most_connects: int = 0
    lately: deque[float] = field(default_factory=deque)  # times of recent connects

    def request(self, page: str, status: int, used: int | None, now_s: float) -> None:
        """Record a request and its status; `used` is this minute's weight, None without weights."""
        self.pages[page] += 1
        self._note(status)
        if (minute := int(now_s // MINUTE_S)) != self.minute:
            self.minute, self.weight = minute, 0
        self.weight = self.weight + 1 if used is None else used
        self.most_weight = max(self.most_weight, self.weight)

    def handshake(self, status: int, now_s: float) -> None:
        """Record a connection or its refusal."""
        self._note(status)
        if status in REFUSED:
            return
        self.connects += 1
        self.lately.append(now_s)
        while now_s - self.lately[0] >= CONNECTS_WITHIN_S:
            self.lately.popleft()
        self.most_connects = max(self.most_connects, len(self.lately))

    def as_json(self, now_s: float) -> dict[str, Any]:
        """Return the usage as JSON."""
        return {
            "requests": dict(self.pages),
            "weight_this_minute": self.weight if int(now_s // MINUTE_S) == self.minute else 0,
            "most_weight_in_a_minute": self.most_weight,
            "refusals": {str(status): count for status, count in self.refusals.items()},
            "connects": self.connects,
            "most_connects_in_5_min": self.most_connects,
        }

    def _note(self, status: int) -> None:
        if status in REFUSED:
            self.refusals[status] += 1


class Accounts:
    """All usage, by address and by exchange: `usdm`, `spot`, `bybit`."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], AddressAccount] = {}

    def of(self, address: str, exchange: str) -> AddressAccount:
        """Return an address's account on an exchange."""
        return self._accounts.setdefault((address, exchange), AddressAccount())

    def as_json(self, now_s: float) -> dict[str, dict[str, Any]]:
        """Return all usage as JSON: by address, then by exchange."""
        usage: dict[str, dict[str, Any]] = {}
        for (address, exchange), account in self._accounts.items():
            usage.setdefault(address, {})[exchange] = account.as_json(now_s)
        return usage

"""What each address asked of the embedded exchange, so that a test can judge its clients. Pure.

It is told at `GET /embedded/account`, which is no part of any exchange's protocol. Times are
seconds of the exchange's clock, given by the caller.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from feedd.embedded.rate_limits import CONNECTS_WITHIN_S, MINUTE_S

REFUSED = frozenset({403, 418, 429})


@dataclass
class AddressAccount:
    """One address on one exchange.

    The weight is that of a minute of the clock. Where pages have none, each request counts as one.
    """

    pages: Counter[str] = field(default_factory=Counter)
    refusals: Counter[int] = field(default_factory=Counter)
    minute: int = -1
    weight: int = 0
    most_weight: int = 0
    connects: int = 0
    most_connects: int = 0
    lately: deque[float] = field(default_factory=deque)  # connected

    def request(self, page: str, status: int, used: int | None, now_s: float) -> None:
        """Note a request and its answer; `used` is the weight of this minute, if there is one."""
        self.pages[page] += 1
        self._note(status)
        if (minute := int(now_s // MINUTE_S)) != self.minute:
            self.minute, self.weight = minute, 0
        self.weight = self.weight + 1 if used is None else used
        self.most_weight = max(self.most_weight, self.weight)

    def handshake(self, status: int, now_s: float) -> None:
        """Note a connection, or that it was refused."""
        self._note(status)
        if status in REFUSED:
            return
        self.connects += 1
        self.lately.append(now_s)
        while now_s - self.lately[0] >= CONNECTS_WITHIN_S:
            self.lately.popleft()
        self.most_connects = max(self.most_connects, len(self.lately))

    def told(self, now_s: float) -> dict[str, Any]:
        """Return it as JSON."""
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
    """All of them, by address and by exchange: `usdm`, `spot`, `bybit`."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], AddressAccount] = {}

    def of(self, address: str, exchange: str) -> AddressAccount:
        """Return an address's account on an exchange."""
        return self._accounts.setdefault((address, exchange), AddressAccount())

    def told(self, now_s: float) -> dict[str, dict[str, Any]]:
        """Return all as JSON: by address, and there by exchange."""
        told: dict[str, dict[str, Any]] = {}
        for (address, exchange), account in self._accounts.items():
            told.setdefault(address, {})[exchange] = account.told(now_s)
        return told

"""Rate limits of exchanges: request weight per minute, messages and connections per period. Pure.

Times are seconds of the exchange's clock, passed by the caller.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

MINUTE_S = 60
BAN_AFTER = 10  # requests answered with 429; the next one gets a ban
BAN_S = 120
CONNECTS_WITHIN_S = 300.0


class Answer(NamedTuple):
    """Decision on a request, by its address's used weight."""

    status: int  # 200, 429 or 418
    used: int  # for the header X-MBX-USED-WEIGHT-1M
    retry_after_s: int


@dataclass(slots=True)
class _Account:
    minute: int = -1
    used: int = 0
    refused: int = 0
    banned_until_s: float = 0.0


class Weights:
    """Weight used by each address in the current minute of the clock."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._accounts: dict[str, _Account] = {}

    def take(self, address: str, cost: int, now_s: float) -> Answer:
        """Charge a request; an address that keeps sending after 429s is banned."""
        account = self._accounts.setdefault(address, _Account())
        if now_s < account.banned_until_s:
            return Answer(418, account.used, int(account.banned_until_s - now_s) + 1)
        minute = int(now_s // MINUTE_S)
        if minute != account.minute:
            account.minute, account.used, account.refused = minute, 0, 0
        account.used += cost
        if account.used <= self.limit:
            return Answer(200, account.used, 0)
        account.refused += 1
        if account.refused > BAN_AFTER:
            account.banned_until_s = now_s + BAN_S
            return Answer(418, account.used, BAN_S)
        return Answer(429, account.used, int(MINUTE_S - now_s % MINUTE_S) + 1)


class MessageRate:
    """At most `limit` messages in any `within_s` seconds."""

    def __init__(self, limit: int, within_s: float = 1.0) -> None:
        self._times: deque[float] = deque(maxlen=limit)
        self._within_s = within_s

    def allows(self, now_s: float) -> bool:
        """Count a message; return False if it exceeds the limit."""
        times = self._times
        if len(times) == times.maxlen and now_s - times[0] < self._within_s:
            return False
        times.append(now_s)
        return True


class Connects:
    """At most `limit` WebSocket connections per address in any 5 minutes.

    Attempts count, as Binance documents: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._attempts: dict[str, deque[float]] = {}

    def take(self, address: str, now_s: float) -> int:
        """Count an attempt; return 0 if it is allowed, else the seconds to wait before a retry."""
        attempts = self._attempts.setdefault(address, deque(maxlen=self._limit))
        full = len(attempts) == self._limit and now_s - attempts[0] < CONNECTS_WITHIN_S
        attempts.append(now_s)
        return math.ceil(CONNECTS_WITHIN_S - (now_s - attempts[0])) if full else 0

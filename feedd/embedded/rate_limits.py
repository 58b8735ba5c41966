"""What exchanges allow: request weights a minute, messages and connections in a time. Pure.

Times are seconds of the exchange's clock, given by the caller.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

MINUTE_S = 60
BAN_AFTER = 10  # requests on top of a 429 that go on all the same
BAN_S = 120
CONNECTS_WITHIN_S = 300.0


class Answer(NamedTuple):
    """What the account of weights says to a request."""

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
    """The weight that each address has used in this minute of the clock."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._accounts: dict[str, _Account] = {}

    def take(self, address: str, cost: int, now_s: float) -> Answer:
        """Charge a request; going on after 429s is answered with a ban."""
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
        """Count a message; return whether the connection may go on."""
        times = self._times
        if len(times) == times.maxlen and now_s - times[0] < self._within_s:
            return False
        times.append(now_s)
        return True


class Connects:
    """At most `limit` WebSocket connections of an address in any 5 minutes.

    Attempts count, as Binance says: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._attempts: dict[str, deque[float]] = {}

    def take(self, address: str, now_s: float) -> int:
        """Count an attempt; return 0 for a connection, else after how many seconds to try again."""
        attempts = self._attempts.setdefault(address, deque(maxlen=self._limit))
        full = len(attempts) == self._limit and now_s - attempts[0] < CONNECTS_WITHIN_S
        attempts.append(now_s)
        return math.ceil(CONNECTS_WITHIN_S - (now_s - attempts[0])) if full else 0

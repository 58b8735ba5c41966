"""One exchange's limits, which one source shares with all processes of the machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from feedd.sources.limits.address_limits import address_limits, place, requested_pause_s
from feedd.sources.limits.allowance import Allowance

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.venues.limits import RateLimit

FOLDER = "budget"  # below run_dir
BANNED = 418  # the address is: neither requests nor connections are answered


class Budget:
    """The files of one exchange's limits, as one source uses them."""

    def __init__(
        self, run_dir: Path, exchange: str, symbol: str, endpoint: str | None, rate_limit_ms: float
    ) -> None:
        self._limits = limits = address_limits(exchange, symbol, rate_limit_ms)

        def allowance(kind: str, unit: str, limit: RateLimit | None) -> Allowance:
            file = f"{limits.name}-{kind}{place(endpoint)}"
            return Allowance(run_dir / FOLDER / file, limits.name, unit, limit)

        self._weight = allowance("weight", limits.unit, limits.weight)
        self._connects = allowance("connects", "connections", limits.connects)
        self._pauses: list[tuple[Allowance, float, str]] = []
        self._used = 0.0

    async def request(self, cost: float) -> None:
        """Spend a request's cost, in ccxt's units; raises SourceError."""
        per_cost = self._limits.per_cost
        await self.spend(1.0 if per_cost is None else cost * per_cost)

    async def spend(self, weight: float) -> None:
        """Spend a request's cost, in the exchange's own units; raises SourceError."""
        await self.settle()
        await self._weight.take(weight)

    async def connection(self) -> None:
        """Spend a connection; raises SourceError."""
        await self.settle()
        await self._connects.take()

    def answered(self, status: int, url: str, headers: dict[str, str], body: str) -> None:
        """Note the limits that an answer reports, for `settle`."""
        self._note(self._weight, status, headers, body)
        names = {name.lower(): value for name, value in headers.items()}
        used = names.get(self._limits.used_header.lower(), "")
        if self._limits.used_on in url and used.isdecimal():
            self._used = max(self._used, float(used))

    def handshake_refused(self, status: int, headers: dict[str, str]) -> None:
        """Note a refused connection, for `settle`."""
        self._note(self._connects, status, headers, "")

    async def settle(self) -> None:
        """Share what was noted with the other processes; raises SourceError, and keeps it then."""
        while self._pauses:
            allowance, until_s, why = pause = self._pauses.pop()
            try:
                await allowance.pause(until_s - time.monotonic(), why)
            except BaseException:
                self._pauses.append(pause)
                raise
        used, self._used = self._used, 0.0
        if used:
            await self._weight.raise_to(used)

    def _note(self, seen_on: Allowance, status: int, headers: dict[str, str], body: str) -> None:
        if status not in self._limits.pause_s:
            return
        until_s = time.monotonic() + requested_pause_s(
            self._limits, status, headers, body, time.time()
        )
        for allowance in (self._weight, self._connects) if status == BANNED else (seen_on,):
            self._pauses.append((allowance, until_s, f"HTTP {status}"))

"""A class of ccxt's that asks and connects only within what all processes of the machine may."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import aiohttp

from feedd.budget.allowance import Allowance
from feedd.errors import FeeddError, LimitError
from feedd.sources.address_limits import address_limits, away_s, place
from feedd.sources.ccxt_errors import WaitsError
from feedd.sources.ccxt_import import ccxt
from feedd.sources.dialects import market_type
from feedd.sources.market_list import MarketList

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.budget.window import Limit
    from feedd.sources.dialects import Dialect

BANNED = 418  # the address is: neither requests nor connections are answered
DELAY_AT_MOST_S = 30.0  # before a dial; ccxt would sleep through a Retry-After without a word


class Budget:
    """The files of one exchange's limits, as one source uses them."""

    def __init__(
        self, run_dir: Path, exchange: str, symbol: str, endpoint: str | None, rate_limit_ms: float
    ) -> None:
        self._limits = limits = address_limits(exchange, symbol, rate_limit_ms)

        def allowance(kind: str, unit: str, limit: Limit | None) -> Allowance:
            file = f"{limits.name}-{kind}{place(endpoint)}"
            return Allowance(run_dir / "budget" / file, limits.name, unit, limit)

        self._weight = allowance("weight", limits.unit, limits.weight)
        self._connects = allowance("connects", "connections", limits.connects)
        self._pauses: list[tuple[Allowance, float, str]] = []
        self._used = 0.0

    async def request(self, cost: float) -> None:
        """Take what a request costs, in ccxt's units; raises SourceError."""
        await self.settle()
        per_cost = self._limits.per_cost
        await self._weight.take(1.0 if per_cost is None else cost * per_cost)

    async def connection(self) -> None:
        """Take a connection; raises SourceError."""
        await self.settle()
        await self._connects.take()

    def answered(self, status: int, url: str, headers: dict[str, str], body: str) -> None:
        """Note what an answer to a request says of the limits, for `settle`."""
        self._note(self._weight, status, headers, body)
        used = headers.get(self._limits.used_header, "")
        if self._limits.used_on in url and used.isdecimal():
            self._used = max(self._used, float(used))

    def handshake_refused(self, status: int, headers: dict[str, str]) -> None:
        """Note that a connection was refused, for `settle`."""
        self._note(self._connects, status, headers, "")

    async def settle(self) -> None:
        """Tell the other processes what was noted; raises SourceError, and keeps it then."""
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
        if status not in self._limits.away_s:
            return
        until_s = time.monotonic() + away_s(self._limits, status, headers, body, time.time())
        for allowance in (self._weight, self._connects) if status == BANNED else (seen_on,):
            self._pauses.append((allowance, until_s, f"HTTP {status}"))


def shared(
    base: Any, run_dir: Path, exchange: str, symbol: str, ways: Dialect, endpoint: str | None
) -> Any:
    """Return ccxt's class with its requests, connections and market list within a budget.

    Of the markets it keeps the symbol's only. Of exchanges other than those in `dialects`, each
    process fetches the list: their classes note more in `fetch_markets` than what it returns.
    """
    file = f"{exchange}-{market_type(symbol)}{place(endpoint)}.jsonl"
    markets = MarketList(run_dir / "markets" / file, exchange, ccxt.__version__)

    class Shared(base):  # type: ignore[misc]
        def __init__(self, config: dict[str, Any]) -> None:
            super().__init__(config)
            self.shared_budget = Budget(run_dir, exchange, symbol, endpoint, self.rateLimit)

        async def throttle(self, cost: float | None = None) -> None:
            await super().throttle(cost)
            await self.shared_budget.request(1.0 if cost is None else cost)

        def on_rest_response(
            self, code: int, reason: str, url: str, method: str, response_headers: dict[str, str],
            response_body: str, *request: Any,
        ) -> Any:  # fmt: skip
            self.shared_budget.answered(code, url, response_headers, response_body)
            return super().on_rest_response(
                code, reason, url, method, response_headers, response_body, *request
            )

        async def fetch(
            self, url: str, method: str = "GET", headers: Any = None, body: Any = None
        ) -> Any:
            try:
                return await super().fetch(url, method, headers, body)
            finally:
                with contextlib.suppress(FeeddError):  # the next request tries it again
                    await self.shared_budget.settle()

        async def fetch_markets(self, params: dict[str, Any] | None = None) -> Any:
            fetch = super().fetch_markets
            if not ways.one_market_type:
                return await fetch(params or {})
            return [await markets.market(symbol, lambda: fetch(params or {}))]

        def client(self, url: str) -> Any:
            known = url in (self.clients or {})
            client = super().client(url)
            if not known:
                _dial_within(self.shared_budget, client)
            return client

    return Shared


def _dial_within(budget: Budget, client: Any) -> None:
    """Let a client of ccxt's connect within the budget, and tell what refuses it."""
    dial, create_connection = client.open, client.create_connection

    async def dial_within(session: Any, backoff_delay: float = 0) -> None:
        await asyncio.sleep(min(backoff_delay, DELAY_AT_MOST_S))
        try:
            await budget.connection()
        except Exception as error:  # noqa: BLE001  nobody awaits this: the client is to say it
            client.last_retry_after = getattr(error, "retry_after_s", None)
            failure = WaitsError(error) if isinstance(error, LimitError) else None
            client.on_error(failure or ccxt.NetworkError(str(error)))
            return
        if client.error is None:  # else it was given up while it waited
            await dial(session)

    async def connection(session: Any) -> Any:
        try:
            return await create_connection(session)
        except aiohttp.WSServerHandshakeError as error:
            budget.handshake_refused(error.status, dict(error.headers or {}))
            with contextlib.suppress(FeeddError):
                await budget.settle()
            raise

    client.open = dial_within
    client.create_connection = connection

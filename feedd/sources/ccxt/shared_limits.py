"""ccxt's class, restricted to the limits that all processes of the machine share."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import aiohttp

from feedd.errors import FeeddError, LimitError
from feedd.sources.ccxt.error_translation import WaitsError
from feedd.sources.ccxt.lean_import import ccxt
from feedd.sources.limits.address_limits import place
from feedd.sources.limits.shared_budget import Budget
from feedd.sources.market_list import OLD_MS, MarketList
from feedd.venues.registry import market_list_on

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.venues.contract import Venue

DELAY_AT_MOST_S = 30.0  # before a dial; ccxt would sleep through a Retry-After silently


def with_shared_limits(
    base: Any, run_dir: Path, exchange: str, symbol: str, venue: Venue, endpoint: str | None
) -> Any:
    """Return ccxt's class with its requests, connections and market list within a budget.

    Of the markets it keeps the symbol's only. Where the venue is not `one_market_type`,
    each process fetches the list: ccxt's class keeps more in `fetch_markets` than it returns.
    """
    file = f"{exchange}-{market_list_on(exchange, symbol)}{place(endpoint)}.jsonl"
    markets = MarketList(run_dir / "markets" / file, exchange, f"ccxt {ccxt.__version__}, 2")

    class Shared(base):  # type: ignore[misc]
        list_age_ms = OLD_MS  # at most

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
            if not venue.one_market_type:
                return await super().fetch_markets(params or {})
            return [await markets.market(symbol, self.fetch_with_unreadable, self.list_age_ms)]

        async def fetch_whole_list(self) -> Any:
            """Return the exchange's markets from the exchange; the shared list stays."""
            return await super().fetch_markets({})

        def client(self, url: str) -> Any:
            known = url in (self.clients or {})
            client = super().client(url)
            if not known:
                _dial_within(self.shared_budget, client)
            return client

    return Shared


def _dial_within(budget: Budget, client: Any) -> None:
    """Make a ccxt client connect within the budget, and report refusals to the budget."""
    dial, create_connection = client.open, client.create_connection

    async def dial_within(session: Any, backoff_delay: float = 0) -> None:
        await asyncio.sleep(min(backoff_delay, DELAY_AT_MOST_S))
        try:
            await budget.connection()
        except Exception as error:  # noqa: BLE001  nobody awaits this: the client reports it
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

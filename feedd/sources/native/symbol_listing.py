"""A symbol's entry in its exchange's list, for the native source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.errors import SourceError
from feedd.sources.limits.address_limits import place
from feedd.sources.listing import by_symbol, entry_of
from feedd.sources.market_list import OLD_MS, MarketList

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.sources.native.rest_client import RestClient
    from feedd.venues.native import NativeMarket

PAGES_AT_MOST = 50


class SymbolListing:
    """Requests the list over REST; with a `run_dir`, all processes share it."""

    def __init__(
        self,
        exchange: str,
        symbol: str,
        market: NativeMarket,
        rest: RestClient,
        run_dir: Path | None,
        endpoint: str | None,
    ) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._listing = market.listing
        self._rest = rest
        self._list = None
        if run_dir is not None:
            file = f"{exchange}-{market.name}-native{place(endpoint)}.jsonl"
            self._list = MarketList(run_dir / "markets" / file, exchange, self._listing.version)

    async def entry(self, max_age_ms: int = OLD_MS) -> dict[str, Any]:
        """Return the symbol's entry, at most so old.

        Raises UnknownSymbolError where there is none, and SourceError.
        """
        if self._list is not None:
            return await self._list.market(self._symbol, self._fetch, max_age_ms)
        return entry_of(self._exchange, self._symbol, by_symbol(await self._fetch()))

    async def _fetch(self) -> list[dict[str, Any]]:
        listing = self._listing
        markets: list[dict[str, Any]] = []
        requests = [listing.request, *listing.further]
        for _ in range(PAGES_AT_MOST):
            if not requests:
                return markets
            body = await self._rest.get(requests.pop(0))
            try:
                markets += listing.parse(body)
                following = None if listing.following is None else listing.following(body)
            except ValueError as error:
                raise SourceError(
                    f"{self._exchange}: its market list can't be read: {error}"
                ) from None
            if following is not None:
                requests.insert(0, following)
        raise SourceError(f"{self._exchange}: its market list has more than {PAGES_AT_MOST} pages")

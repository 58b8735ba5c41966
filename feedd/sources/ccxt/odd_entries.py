"""ccxt's class with a list of markets in which one odd entry harms no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.sources.listing import by_symbol, unreadable

if TYPE_CHECKING:
    from feedd.venues.contract import Venue


def with_odd_entries(base: Any, venue: Venue) -> Any:
    """Return ccxt's class that leaves out entries that it can't parse, and doubles.

    `unreadable_markets` has those that were left out at the last fetch, as
    `feedd.sources.listing` describes them.
    """
    entries = venue.entries

    class Tolerant(base):  # type: ignore[misc]
        unreadable_markets: tuple[dict[str, Any], ...] = ()

        def parse_market(self, market: Any) -> Any:
            fault = None if entries is None else entries.fault(market)
            parsed = None
            if fault is None:
                try:
                    parsed = super().parse_market(market)
                except Exception as error:  # noqa: BLE001  ccxt's parsers raise anything
                    fault = f"{type(error).__name__}: {error}"
            if fault is not None:
                id_ = "" if entries is None else entries.id(market)
                self.unreadable_markets += (unreadable(id_, fault),)
            return parsed

        async def fetch_markets(self, params: dict[str, Any] | None = None) -> Any:
            self.unreadable_markets = ()
            markets = by_symbol(await super().fetch_markets(params or {}))
            for market in markets.values():
                if market.get("active") is False and entries is not None:
                    market["status"] = entries.status(market["info"])
            return list(markets.values())

        async def fetch_with_unreadable(self) -> list[dict[str, Any]]:
            return [*await Tolerant.fetch_markets(self), *self.unreadable_markets]

    return Tolerant

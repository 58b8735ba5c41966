"""Bybit's linear market as the server serves it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from feedd.embedded.bybit.rest_pages import BybitRestPages
from feedd.embedded.bybit.ws_session import BybitWsSession
from feedd.embedded.served_market import ServedMarket
from feedd.embedded.ws_session import Reaction
from feedd.venues.bybit.addresses import LINEAR, LINEAR_ROUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.embedded.bybit.generated_market import BybitMarket

CONNECTS_LIMIT = 500


def linear(market: BybitMarket) -> ServedMarket:
    """Serve a market as Bybit linear."""

    def open_session(
        path: str, _query: Mapping[str, str], now_s: float
    ) -> tuple[BybitWsSession, Reaction] | None:
        if path != LINEAR_ROUTE:
            return None
        return BybitWsSession(str(uuid.uuid4()), market.check, now_s), Reaction()

    return ServedMarket(
        "bybit",
        market,
        LINEAR,
        open_session,
        lambda clock: BybitRestPages(market, clock),
        CONNECTS_LIMIT,
    )

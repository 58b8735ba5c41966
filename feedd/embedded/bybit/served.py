"""Bybit's markets as the server serves them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from feedd.embedded.bybit.rest_pages import BybitRestPages
from feedd.embedded.bybit.ws_session import BybitWsSession
from feedd.embedded.served_market import ServedMarket
from feedd.embedded.ws_session import Reaction
from feedd.venues.bybit.addresses import OF, Category
from feedd.venues.registry import EMBEDDED_BYBIT_PATHS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.embedded.bybit.generated_market import BybitMarket
    from feedd.venues.registry import EmbeddedMarket

CONNECTS_LIMIT = 500
SPOT_ARGS = 10  # topics in one request; contracts have no such limit
NAMES: dict[Category, EmbeddedMarket] = {
    "linear": "bybit", "inverse": "bybit_inverse", "spot": "bybit_spot",
}  # fmt: skip


def bybit(market: BybitMarket) -> ServedMarket:
    """Serve a market as its category, spot and inverse on paths of their own."""
    category = market.category

    def open_session(
        path: str, _query: Mapping[str, str], now_s: float
    ) -> tuple[BybitWsSession, Reaction] | None:
        if path not in OF[category].routes:
            return None
        args_at_most = SPOT_ARGS if category == "spot" else None
        session = BybitWsSession(str(uuid.uuid4()), market.check, now_s, args_at_most)
        return session, Reaction()

    return ServedMarket(
        NAMES[category],
        market,
        OF[category],
        open_session,
        lambda clock: BybitRestPages(market, clock),
        CONNECTS_LIMIT,
        below=EMBEDDED_BYBIT_PATHS.get(category, ""),
    )

"""What each REST page of Binance costs, in weight a minute.

https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api
https://developers.binance.com/docs/derivatives/coin-margined-futures/market-data/rest-api
https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

from __future__ import annotations

from typing import NamedTuple


class Costs(NamedTuple):
    """The costs of one exchange's pages, and what an address may spend in a minute."""

    limit: int
    pages: dict[str, int]
    without_symbol: dict[str, tuple[int, int]]  # with a symbol, and without one
    by_limit: dict[str, tuple[tuple[int, int], ...]]  # up to a limit: a cost


USDM = Costs(
    2400,
    {
        "time": 1, "ping": 1, "exchangeInfo": 1, "trades": 5, "historicalTrades": 200,
        "aggTrades": 20, "openInterest": 1, "account": 5, "listenKey": 1,
    },
    {"premiumIndex": (1, 10), "ticker/24hr": (1, 40), "ticker/bookTicker": (2, 5)},
    {
        "depth": ((50, 2), (100, 5), (500, 10), (1000, 20)),
        "klines": ((99, 1), (499, 2), (1000, 5), (1500, 10)),
    },
)  # fmt: skip
COINM = Costs(
    2400,
    {**USDM.pages, "historicalTrades": 20, "premiumIndex": 10},
    {"ticker/24hr": (1, 40), "ticker/bookTicker": (2, 5)},
    USDM.by_limit,
)
SPOT = Costs(
    6000,
    {
        "time": 1, "ping": 1, "exchangeInfo": 20, "trades": 25, "historicalTrades": 25,
        "aggTrades": 4, "klines": 2, "account": 20,
    },
    {"ticker/24hr": (2, 80), "ticker/bookTicker": (2, 4)},
    {"depth": ((100, 5), (500, 25), (1000, 50), (5000, 250))},
)  # fmt: skip


def weight(page: str, query: dict[str, str], costs: Costs = USDM) -> int:
    """Return what a request costs, e.g. USD-M's `depth` with `limit` 1000: 20."""
    if page in costs.by_limit:
        steps = costs.by_limit[page]
        default = 100 if costs is SPOT else 500
        limit = int(query["limit"]) if query.get("limit", "").isdecimal() else default
        return next((cost for top, cost in steps if limit <= top), steps[-1][1])
    if page in costs.without_symbol:
        return costs.without_symbol[page]["symbol" not in query]
    return costs.pages.get(page, 1)

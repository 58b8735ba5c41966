"""The REST pages of Binance USD-M, COIN-M and spot for feed handlers: a query in, an answer out.

https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info
https://developers.binance.com/docs/binance-spot-api-docs/rest-api
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.embedded.binance.exchange_info import coinm_info, spot_info, usdm_info
from feedd.embedded.market import Refused
from feedd.embedded.rate_limits import Weights
from feedd.embedded.rest_page import API_KEY, API_SECRET, Page, Request
from feedd.venues.binance import weights
from feedd.venues.binance.streams import INTERVALS_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from feedd.clock import Clock
    from feedd.embedded.market import Market

RECV_WINDOW_MS = 5000
SIGNED = frozenset({"account", "capital/config/getall", "margin/allPairs"})
TOO_MANY = {
    429: "Too many requests; current limit of IP({}) is {} requests per minute. "
    "Please use the websocket for live updates to avoid polling the API.",
    418: "Way too many requests; IP({}) banned until {}. "
    "Please use the websocket for live updates to avoid bans.",
}


class BinanceRestPages:
    """Answers requests while an address has weight left; `costs` selects the market."""

    def __init__(self, market: Market, clock: Clock, costs: weights.Costs = weights.USDM) -> None:
        self._market = market
        self._clock = clock
        self._costs = costs
        self._weights = Weights(costs.limit)
        self._pages: dict[str, Callable[[dict[str, str]], Any]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": self._now_ms()},
            "exchangeInfo": self._exchange_info,
            "depth": self._depth,
            "klines": self._klines,
            "aggTrades": self._agg_trades,
            "trades": self._trades,
            "historicalTrades": self._historical_trades,
            "ticker/24hr": lambda query: self._each(query, market.ticker),
            "ticker/bookTicker": lambda query: self._each(query, market.quote),
        }
        self._keyed: frozenset[str] = frozenset()  # pages that need a key, but no signature
        if costs is not weights.SPOT:
            self._keyed = frozenset({"historicalTrades"})
            self._pages["premiumIndex"] = lambda query: self._each(query, market.premium_index)
            self._pages["openInterest"] = self._open_interest

    def answer(self, request: Request) -> Page:
        """Answer a request, after its weight was charged."""
        now_s = self._clock.now_ns() / NS_PER_S
        cost = weights.weight(request.page, request.query, self._costs)
        account = self._weights.take(request.address, cost, now_s)
        headers = {"X-MBX-USED-WEIGHT-1M": str(account.used)}
        if account.status != 200:
            headers["Retry-After"] = str(account.retry_after_s)
            until = int((now_s + account.retry_after_s) * 1000)
            limit = self._costs.limit if account.status == 429 else until
            text = TOO_MANY[account.status].format(request.address, limit)
            return Page(account.status, {"code": -1003, "msg": text}, headers, account.used)
        return self._page(request)._replace(headers=headers, used_weight=account.used)

    def _page(self, request: Request) -> Page:
        if request.page in SIGNED:
            return self.signed(request.page, request.raw_query, request.headers)
        if request.page == "system/status":
            return Page(200, {"status": 0, "msg": "normal"})
        refused = _refused_key(request.headers) if request.page in self._keyed else None
        return refused or self.get(request.page, request.query)

    def get(self, page: str, query: dict[str, str]) -> Page:
        """Answer a public page, named without its version, e.g. `ticker/24hr`."""
        answer = self._pages.get(page)
        if answer is None:
            return Page(404, {"code": -5000, "msg": f"Path /{page}, Method GET is invalid"})
        try:
            return Page(200, answer(query))
        except _BadRequest as error:
            return Page(400, {"code": error.code, "msg": str(error)})
        except Refused as why:
            return Page(400, {"code": -4000, "msg": f"Not served by the embedded exchange: {why}"})

    def signed(self, page: str, raw_query: str, headers: Mapping[str, str]) -> Page:
        """Answer a page that needs a key, after its checks.

        `raw_query` is as sent: the signature covers its text
        (https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info#signed-trade-and-user_data-endpoint-security).
        """
        refused = _refused_key(headers)
        if refused is not None:
            return refused
        text, _, signature = raw_query.rpartition("&signature=")
        right = hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, signature):
            return Page(400, {"code": -1022, "msg": "Signature for this request is not valid."})
        stamp = re.search(r"(?:^|&)timestamp=(\d+)", text)
        window = re.search(r"(?:^|&)recvWindow=(\d+)", text)
        allowed_ms = int(window[1]) if window else RECV_WINDOW_MS
        if stamp is None or not -1000 <= self._now_ms() - int(stamp[1]) <= allowed_ms:
            return Page(
                400,
                {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."},
            )
        return Page(200, _account() if page.endswith("account") else [])

    def _exchange_info(self, _query: dict[str, str]) -> dict[str, Any]:
        info = usdm_info
        if self._costs is weights.SPOT:
            info = spot_info
        elif self._costs is weights.COINM:
            info = coinm_info
        instruments = list(self._market.instruments.values())
        return info(instruments, self._now_ms(), self._costs.limit)

    def _depth(self, query: dict[str, str]) -> dict[str, Any]:
        default, most = (100, 5000) if self._costs is weights.SPOT else (500, 1000)
        return self._market.depth(self._symbol(query), _limit(query, default, most))

    def _klines(self, query: dict[str, str]) -> list[list[Any]]:
        interval = query.get("interval", "")
        if interval not in INTERVALS_MS:
            raise _BadRequest(-1120, "Invalid interval.")
        return self._market.klines(self._symbol(query), interval, _limit(query, 500, 1500))

    def _agg_trades(self, query: dict[str, str]) -> list[dict[str, Any]]:
        return self._market.agg_trades(self._symbol(query), _limit(query, 500, 1000))

    def _trades(self, query: dict[str, str]) -> list[dict[str, Any]]:
        return self._market.trades(self._symbol(query), _limit(query, 500, 1000))

    def _historical_trades(self, query: dict[str, str]) -> list[dict[str, Any]]:
        text = query.get("fromId")
        if text is not None and not text.isdecimal():
            raise _BadRequest(-1130, "Data sent for parameter 'fromId' is not valid.")
        from_id = None if text is None else int(text)
        return self._market.trades(self._symbol(query), _limit(query, 500, 1000), from_id)

    def _open_interest(self, query: dict[str, str]) -> dict[str, Any]:
        return {"openInterest": "10659.509", "symbol": self._symbol(query), "time": self._now_ms()}

    def _now_ms(self) -> int:
        return self._clock.now_ns() // NS_PER_MS

    def _each(self, query: dict[str, str], answer: Callable[[str], dict[str, Any]]) -> Any:
        if "symbol" in query:
            one = answer(self._symbol(query))
            return [one] if self._costs is weights.COINM else one
        return [answer(symbol) for symbol in self._market.instruments]

    def _symbol(self, query: dict[str, str]) -> str:
        symbol = query.get("symbol")
        if symbol is None:
            raise _BadRequest(
                -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            )
        if symbol not in self._market.instruments:
            raise _BadRequest(-1121, "Invalid symbol.")
        return symbol


class _BadRequest(Exception):  # noqa: N818
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _refused_key(headers: Mapping[str, str]) -> Page | None:
    key = headers.get("X-MBX-APIKEY", "")
    if not re.fullmatch(r"[A-Za-z0-9]{64}", key):
        return Page(401, {"code": -2014, "msg": "API-key format invalid."})
    if key != API_KEY:
        message = "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1"
        return Page(401, {"code": -2015, "msg": message})
    return None


def _limit(query: dict[str, str], default: int, most: int) -> int:
    text = query.get("limit", str(default))
    if not text.isdecimal() or not 0 < int(text) <= most:
        raise _BadRequest(-1130, "Data sent for parameter 'limit' is not valid.")
    return int(text)


def _account() -> dict[str, Any]:
    """Return an account that owns nothing, with the fields of futures and spot."""
    amounts = (
        "totalInitialMargin totalMaintMargin totalWalletBalance totalUnrealizedProfit "
        "totalMarginBalance totalPositionInitialMargin totalOpenOrderInitialMargin "
        "totalCrossWalletBalance totalCrossUnPnl availableBalance maxWithdrawAmount"
    )
    futures = {**dict.fromkeys(amounts.split(), "0.0"), "assets": [], "positions": []}
    return {**futures, "accountType": "SPOT", "balances": [], "permissions": ["SPOT"]}

"""The REST pages of Binance USD-M that a feed handler asks for. Pure: a query in, an answer out.

https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.exchange.instruments import exchange_info
from feedd.exchange.market import Refused
from feedd.exchange.streams import INTERVALS_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.exchange.market import Market

# The one account there is. Every other key is refused as the exchange refuses it.
API_KEY = "embedded" * 8
API_SECRET = "exchange" * 8
RECV_WINDOW_MS = 5000


class Page(NamedTuple):
    """An answer: HTTP status and JSON body."""

    status: int
    body: Any


class Rest:
    """Answers for a market."""

    def __init__(self, market: Market, now_ms: Callable[[], int], weight_limit: int) -> None:
        self._market = market
        self._now_ms = now_ms
        self._weight_limit = weight_limit
        self._pages: dict[str, Callable[[dict[str, str]], Any]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": self._now_ms()},
            "exchangeInfo": self._exchange_info,
            "depth": self._depth,
            "klines": self._klines,
            "aggTrades": self._agg_trades,
            "ticker/24hr": lambda query: self._each(query, market.ticker),
            "ticker/bookTicker": lambda query: self._each(query, market.quote),
            "premiumIndex": lambda query: self._each(query, market.premium_index),
            "openInterest": self._open_interest,
        }

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

    def signed(self, page: str, raw_query: str, headers: dict[str, str]) -> Page:
        """Answer a page that needs a key, after its checks.

        `raw_query` is as sent: the signature is of its text
        (https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info#signed-trade-and-user_data-endpoint-security).
        """
        key = headers.get("X-MBX-APIKEY", "")
        if not re.fullmatch(r"[A-Za-z0-9]{64}", key):
            return Page(401, {"code": -2014, "msg": "API-key format invalid."})
        if key != API_KEY:
            return Page(
                401,
                {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action, "
                 "request ip: 127.0.0.1"},
            )  # fmt: skip
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
        instruments = list(self._market.instruments.values())
        return exchange_info(instruments, self._now_ms(), self._weight_limit)

    def _depth(self, query: dict[str, str]) -> dict[str, Any]:
        return self._market.depth(self._symbol(query), _limit(query, 500, 1000))

    def _klines(self, query: dict[str, str]) -> list[list[Any]]:
        interval = query.get("interval", "")
        if interval not in INTERVALS_MS:
            raise _BadRequest(-1120, "Invalid interval.")
        return self._market.klines(self._symbol(query), interval, _limit(query, 500, 1500))

    def _agg_trades(self, query: dict[str, str]) -> list[dict[str, Any]]:
        return self._market.agg_trades(self._symbol(query), _limit(query, 500, 1000))

    def _open_interest(self, query: dict[str, str]) -> dict[str, Any]:
        return {"openInterest": "10659.509", "symbol": self._symbol(query), "time": self._now_ms()}

    def _each(self, query: dict[str, str], answer: Callable[[str], dict[str, Any]]) -> Any:
        if "symbol" in query:
            return answer(self._symbol(query))
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


def _limit(query: dict[str, str], default: int, most: int) -> int:
    text = query.get("limit", str(default))
    if not text.isdecimal() or not 0 < int(text) <= most:
        raise _BadRequest(-1130, "Data sent for parameter 'limit' is not valid.")
    return int(text)


def _account() -> dict[str, Any]:
    """Return an account that owns nothing."""
    amounts = (
        "totalInitialMargin totalMaintMargin totalWalletBalance totalUnrealizedProfit "
        "totalMarginBalance totalPositionInitialMargin totalOpenOrderInitialMargin "
        "totalCrossWalletBalance totalCrossUnPnl availableBalance maxWithdrawAmount"
    )
    return {**dict.fromkeys(amounts.split(), "0.0"), "assets": [], "positions": []}

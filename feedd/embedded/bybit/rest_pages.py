"""The REST pages of Bybit v5 that a feed handler requests: a query in, an answer out.

https://bybit-exchange.github.io/docs/v5/market/time and the pages beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.embedded.bybit import events
from feedd.embedded.bybit.makers import OrderBook
from feedd.embedded.rate_limits import MessageRate
from feedd.embedded.rest_page import Page, Request
from feedd.venues.bybit.topics import INTERVALS_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.clock import Clock
    from feedd.embedded.bybit.generated_market import BybitMarket
    from feedd.embedded.instruments import Instrument

REQUESTS_AT_MOST, REQUESTS_WITHIN_S = 600, 5.0
INVALID, BAD_KEY = 10001, 10003  # retCode


class BybitRestPages:
    """Answers for a market, named by the page behind `/v5/`, e.g. `market/time`."""

    def __init__(self, market: BybitMarket, clock: Clock) -> None:
        self._market = market
        self._clock = clock
        self._rates: dict[str, MessageRate] = {}
        self._pages: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
            "market/time": lambda _: self._time(),
            "market/instruments-info": self._instruments,
            "market/orderbook": self._order_book,
            "market/recent-trade": self._recent_trades,
            "market/tickers": self._tickers,
            "market/kline": self._klines,
        }

    def answer(self, request: Request) -> Page:
        """Answer a request, unless its address exceeds the rate limit. Every API key is refused."""
        rate = self._rates.setdefault(
            request.address, MessageRate(REQUESTS_AT_MOST, REQUESTS_WITHIN_S)
        )
        if not rate.allows(self._clock.now_ns() / NS_PER_S):
            return Page(403, "access too frequent")
        if "X-BAPI-API-KEY" in request.headers:
            return self._reply({}, BAD_KEY, "API key is invalid.")
        answer = self._pages.get(request.page)
        if answer is None:
            return Page(404, "404 page not found")
        try:
            return self._reply(answer(request.query))
        except _InvalidError as error:
            return self._reply({}, INVALID, str(error))

    def _reply(self, result: dict[str, Any], code: int = 0, message: str = "OK") -> Page:
        return Page(
            200,
            {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {},
             "time": self._clock.now_ns() // NS_PER_MS},
        )  # fmt: skip

    def _time(self) -> dict[str, Any]:
        now_ns = self._clock.now_ns()
        return {"timeSecond": str(now_ns // NS_PER_S), "timeNano": str(now_ns)}

    def _instruments(self, query: dict[str, str]) -> dict[str, Any]:
        category = query.get("category", "")
        listed = list(self._market.instruments.values())
        if "symbol" in query:
            listed = [one for one in listed if one.id == query["symbol"]]
        if category != self._market.category or query.get("status", "Trading") != "Trading":
            listed = []
        if category == "spot":
            return {"category": category, "list": [_pair(instrument) for instrument in listed]}
        contracts = [_contract(instrument) for instrument in listed]
        return {"category": category, "nextPageCursor": "", "list": contracts}

    def _order_book(self, query: dict[str, str]) -> dict[str, Any]:
        """Return the book; while the 1000-level topic runs, as last sent there, with its ids.

        https://bybit-exchange.github.io/docs/v5/market/orderbook defines `u` as this topic's.
        """
        history = self._market.history(self._symbol(query))
        limit, i, now_ms = _limit(query, 25, 1000), history.instrument, history.now_ms()
        topic = history.maker(f"orderbook.1000.{i.id}")
        if isinstance(topic, OrderBook):
            bids, asks = topic.last_top["bid"][:limit], topic.last_top["ask"][:limit]
            u, seq, top_ms = topic.u, topic.seq, topic.last_top_ms
        else:
            bids, asks = history.book.levels("bid", limit), history.book.levels("ask", limit)
            u, seq, top_ms = history.update_id, history.update_id, now_ms
        return {
            "s": i.id,
            "b": [[i.price(price), i.size(size)] for price, size in bids],
            "a": [[i.price(price), i.size(size)] for price, size in asks],
            "ts": now_ms,
            "u": u,
            "seq": seq,
            "cts": top_ms,
        }

    def _recent_trades(self, query: dict[str, str]) -> dict[str, Any]:
        history = self._market.history(self._symbol(query))
        newest = reversed(history.trades.trades(_limit(query, 500, 1000)))
        rows = [events.trade_row(history, trade) for trade in newest]
        return {"category": self._market.category, "list": rows}

    def _tickers(self, query: dict[str, str]) -> dict[str, Any]:
        symbols = [self._symbol(query)] if "symbol" in query else list(self._market.instruments)
        self._check_category(query)
        histories = [self._market.history(symbol) for symbol in symbols]
        found = [events.ticker_fields(history, history.now_ms()) for history in histories]
        if self._market.category == "spot":
            found = [None if one is None else events.spot_ticker(one) for one in found]
        return {
            "category": self._market.category,
            "list": [fields for fields in found if fields is not None],
        }

    def _klines(self, query: dict[str, str]) -> dict[str, Any]:
        history, interval = self._market.history(self._symbol(query)), query.get("interval", "")
        if interval not in INTERVALS_MS:
            raise _InvalidError("Invalid period!")
        candles = history.trades.candles(
            INTERVALS_MS[interval], _limit(query, 200, 1000), history.now_ms()
        )
        first, last = _integer(query, "start", 0), _integer(query, "end", 1 << 63)
        rows = [
            events.candle_row(history.instrument, candle)
            for candle in reversed(candles)
            if first <= candle.open_time <= last
        ]
        return {"symbol": history.instrument.id, "category": self._market.category, "list": rows}

    def _symbol(self, query: dict[str, str]) -> str:
        self._check_category(query)
        symbol = query.get("symbol", "")
        if symbol not in self._market.instruments:
            raise _InvalidError("params error: symbol invalid")
        return symbol

    def _check_category(self, query: dict[str, str]) -> None:
        if query.get("category", "linear") != self._market.category:
            raise _InvalidError("params error: Category is invalid")


class _InvalidError(Exception):
    pass


def _limit(query: dict[str, str], default: int, most: int) -> int:
    """Return the requested number of rows, limited to `most`."""
    return max(1, min(_integer(query, "limit", default), most))


def _integer(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if text and not text.isdecimal():
        raise _InvalidError(f"params error: {name} invalid")
    return int(text) if text else default


def _contract(instrument: Instrument) -> dict[str, Any]:
    tick, step = instrument.price(instrument.tick), instrument.size(1)
    return {
        "symbol": instrument.id,
        "contractType": "InversePerpetual" if instrument.contract else "LinearPerpetual",
        "status": "Trading",
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(instrument.price_decimals),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1000000",
            "minOrderQty": step,
            "qtyStep": step,
            "postOnlyMaxOrderQty": "1000000",
            "maxMktOrderQty": "100000",
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": instrument.settle,
    }


def _pair(instrument: Instrument) -> dict[str, Any]:
    step = instrument.size(1)
    return {
        "symbolId": 1,
        "symbol": instrument.id,
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": step,
            "quotePrecision": "0.0000001",
            "minOrderQty": step,
            "maxOrderQty": "1000000",
            "minOrderAmt": "5",
            "maxOrderAmt": "8000000",
        },
        "priceFilter": {"tickSize": instrument.price(instrument.tick)},
    }

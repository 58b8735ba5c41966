"""Bybit v5: recordings and today's messages, which have one form.

https://bybit-exchange.github.io/docs/v5/ws/connect. An id is that of two markets, BTCUSDT of a
contract and of spot: a market's id here begins with its category, `linear:BTCUSDT`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from feedd.clock import iso8601
from feedd.venues.played import (
    Ask,
    Depth,
    Event,
    Frame,
    LevelTexts,
    Market,
    MarketState,
    Message,
    PageRequest,
    PlayedExchange,
    Player,
    Quote,
    Reader,
    Session,
    Subscription,
    Ticker,
    Trade,
    TrueBook,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SOCKETS = {f"/v5/public/{category}": category for category in ("linear", "inverse", "spot")}
CHANNELS = {"tickers": "ticker", "publicTrade": "trade", "orderbook": "book"}
CONN_ID = "d8bu1olkndm7crnfs1e0-j6akw"


class BybitReader(Reader):
    """Frames of `/v5/public/<category>`.

    Where a recording lacks `orderbook.1`, the topic of quotes, these are the first level of the
    book, whenever it changes. Of several topics of one book, the first is read.
    """

    def __init__(self) -> None:
        self._own_quotes = False
        self._topics: dict[str, str] = {}  # of the books
        self._categories: dict[str, str] = {}  # by connection
        self._tickers: dict[str, dict[str, str]] = {}
        self._books: dict[str, TrueBook] = {}

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the instruments of the recorded listings."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/market/instruments-info" in url:
                result = json.loads(body)["result"]
                rows |= {f"{result['category']}:{row['symbol']}": row for row in result["list"]}
        for id_ in seen:
            yield Market(id_, _symbol(rows[id_]), rows[id_])

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame."""
        if frame.kind in {"connect", "send"} and frame.url:
            self._categories[frame.connection] = frame.url.rpartition("/")[2]
            self._own_quotes |= '"orderbook.1.' in frame.data
        if frame.kind != "recv" or '"topic"' not in frame.data:
            return
        message = json.loads(frame.data)
        topic, _, rest = message["topic"].partition(".")
        data, market = message["data"], f"{self._categories[frame.connection]}:"
        market += rest.rpartition(".")[2]
        if topic == "publicTrade":
            for one in data:
                side: Any = one["S"].lower()
                yield Trade(market, one["T"], one["i"], one["p"], one["v"], side, raw=one)
        elif topic == "tickers":
            yield self._ticker(market, message)
        elif topic == "orderbook" and rest.startswith("1."):
            yield _quote_of(
                market, message["ts"], data["b"], data["a"], str(data["u"]), (data["seq"],)
            )
        elif topic == "orderbook" and self._topics.setdefault(market, rest) == rest:
            depth = Depth(
                market, message["ts"], tuple(map(tuple, data["b"])), tuple(map(tuple, data["a"])),
                whole=message["type"] == "snapshot", before=data["u"] - 1, last=data["u"],
                raw=(data["seq"], message["cts"]),
            )  # fmt: skip
            yield depth
            yield from self._quotes(depth)

    def _ticker(self, market: str, message: Mapping[str, Any]) -> Ticker:
        whole = {} if message["type"] == "snapshot" else self._tickers.get(market, {})
        self._tickers[market] = row = {**whole, **message["data"]}
        percent = row.get("price24hPcnt")
        return Ticker(
            market, message["ts"], row.get("lastPrice"), row.get("bid1Price") or None,
            row.get("ask1Price") or None, row.get("highPrice24h"), row.get("lowPrice24h"),
            row.get("volume24h"), None if percent is None else str(Decimal(percent) * 100),
            raw=(message, row),
        )  # fmt: skip

    def _quotes(self, depth: Depth) -> Iterable[Quote]:
        book = self._books.setdefault(depth.market, TrueBook())
        before = book.bids(1), book.asks(1)
        book.apply(depth)
        best = book.bids(1), book.asks(1)
        if best != before and not self._own_quotes:
            yield _quote_of(depth.market, depth.time_ms, *best, str(book.last), depth.raw)


class BybitPlayer(Player):
    """`/v5/public/<category>` and the REST pages of the market data."""

    sockets = tuple(SOCKETS)

    def page(self, request: PageRequest) -> Any:
        """Return the instruments, a book, or the newest trades."""
        query, page = request.query, request.path.removeprefix("/v5/market/")
        category = query.get("category", "")
        if page == "time":
            seconds = request.now_ms // 1000
            return _answer({"timeSecond": str(seconds), "timeNano": f"{request.now_ms}000000"})
        if page == "instruments-info":
            rows = [
                state.market.entry for id_, state in self.states.items()
                if id_.startswith(f"{category}:")
            ]  # fmt: skip
            return _answer({"category": category, "list": rows, "nextPageCursor": ""})
        state = self.states.get(f"{category}:{query.get('symbol', '')}")
        if page not in {"orderbook", "recent-trade"}:
            return None
        if state is None:
            return {**_answer({}), "retCode": 10001, "retMsg": "params error: Symbol Invalid"}
        if page == "orderbook":
            limit = int(query.get("limit", 25))
            return _answer({**_book(state, limit), "ts": state.book.time_ms})
        rows = [_rest_trade(one) for one in list(state.trades)[-int(query.get("limit", 60)) :]]
        return _answer({"category": category, "list": rows[::-1]})

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"op":"subscribe","args":["orderbook.50.BTCUSDT"],"req_id":"1"}`."""
        operation = message.get("op")
        if operation == "ping":
            yield _reply(message, "pong")
            return
        for number, topic in enumerate(message.get("args", ())):
            name, _, rest = topic.partition(".")
            levels, _, id_ = rest.rpartition(".")
            channel: Any = "quote" if (name, levels) == ("orderbook", "1") else CHANNELS.get(name)
            yield Ask(
                topic, channel, f"{SOCKETS[session.path]}:{id_}", message,
                ends=operation == "unsubscribe", options={"levels": levels, "first": number == 0},
            )  # fmt: skip

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge a request once."""
        ask = subscription.ask
        return [_reply(ask.request, "subscribe")] if ask.options["first"] else ()

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for a topic that does not exist."""
        reply = _reply(ask.request, f"error:handler not found,topic:{ask.key}")
        return [{**reply, "success": False}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge a request once."""
        return [_reply(ask.request, "")] if ask.options["first"] else ()

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, of a quote, or of a ticker."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "book" and state.book:
            return [self._snapshot(subscription, state)]
        if ask.channel == "quote" and state.quote is not None:
            return [_quote(ask.key, state.quote)]
        if ask.channel == "ticker" and state.ticker is not None:
            message, row = state.ticker.raw
            return [{**message, "topic": ask.key, "type": "snapshot", "data": row}]
        return ()

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message."""
        ask, event = subscription.ask, events[0]
        if ask.channel == "trade":
            rows = [one.raw for one in events]
            return [{"topic": ask.key, "type": "snapshot", "ts": events[-1].time_ms, "data": rows}]
        if ask.channel == "quote":
            return [_quote(ask.key, event)]
        if ask.channel == "ticker":
            return [{**event.raw[0], "topic": ask.key}]
        if event.whole or "sent" not in subscription.state:
            return [self._snapshot(subscription, state)]
        return [self._delta(event, subscription, state)]

    def _snapshot(self, subscription: Subscription, state: MarketState) -> Message:
        book = _book(state, int(subscription.ask.options["levels"]))
        subscription.state["sent"] = dict(map(tuple, book["b"])), dict(map(tuple, book["a"]))
        return _depth(subscription.ask.key, "snapshot", book, state.book.time_ms)

    def _delta(self, event: Depth, subscription: Subscription, state: MarketState) -> Message:
        """Return the change of the levels that are subscribed to, with the id of each update."""
        book = _book(state, int(subscription.ask.options["levels"]))
        before, changes = subscription.state["sent"], []
        now = dict(map(tuple, book["b"])), dict(map(tuple, book["a"]))
        subscription.state["sent"] = now
        for old, new in zip(before, now, strict=True):
            gone = [[price, "0"] for price in old if price not in new]
            changes.append(gone + [[p, s] for p, s in new.items() if old.get(p) != s])
        data = {**book, "b": changes[0], "a": changes[1], "seq": event.raw[0]}
        return _depth(subscription.ask.key, "delta", data, event.time_ms)


def _quote_of(market: str, time_ms: int | None, bids: Any, asks: Any, id_: str, raw: Any) -> Quote:
    bid, bid_size = bids[0] if bids else (None, None)
    ask, ask_size = asks[0] if asks else (None, None)
    return Quote(market, time_ms, bid, bid_size, ask, ask_size, id_, raw)


def _symbol(row: Mapping[str, Any]) -> str:
    symbol = f"{row['baseCoin']}/{row['quoteCoin']}"
    if "settleCoin" not in row:
        return symbol
    symbol += f":{row['settleCoin']}"
    if row.get("deliveryTime", "0") == "0":
        return symbol
    return f"{symbol}-{_day(int(row['deliveryTime']))}"


def _day(time_ms: int) -> str:
    return iso8601(time_ms)[2:10].replace("-", "")


def _book(state: MarketState, levels: int) -> dict[str, Any]:
    book = state.book
    return {
        "s": state.market.entry["symbol"], "b": _rows(book.bids(levels)),
        "a": _rows(book.asks(levels)), "u": book.last, "seq": book.last,
    }  # fmt: skip


def _rows(levels: Iterable[LevelTexts]) -> list[list[str]]:
    return [list(level) for level in levels]


def _depth(topic: str, kind: str, data: Mapping[str, Any], time_ms: int | None) -> Message:
    return {"topic": topic, "type": kind, "ts": time_ms, "data": data, "cts": time_ms}


def _quote(topic: str, quote: Quote) -> Message:
    data = {
        "s": topic.rpartition(".")[2],
        "b": [] if quote.bid is None else [[quote.bid, quote.bid_size]],
        "a": [] if quote.ask is None else [[quote.ask, quote.ask_size]],
        "u": int(quote.id or 0), "seq": quote.raw[0],
    }  # fmt: skip
    return _depth(topic, "snapshot", data, quote.time_ms)


def _rest_trade(one: Trade) -> Message:
    return {
        "execId": one.id, "symbol": one.market.partition(":")[2], "price": one.price,
        "size": one.size, "side": one.raw["S"], "time": str(one.time_ms), "isBlockTrade": False,
        "isRPITrade": False, "seq": str(one.raw.get("seq", "")),
    }  # fmt: skip


def _reply(request: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {
        "success": True, "ret_msg": text, "conn_id": CONN_ID,
        "req_id": request.get("req_id", ""), "op": request.get("op"),
    }  # fmt: skip


def _answer(result: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 0}


PLAYED = (PlayedExchange("bybit", "BYBIT", BybitReader, BybitPlayer),)

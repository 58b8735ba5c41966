"""KuCoin spot and futures: recordings from 2021 on, and today's messages.

https://www.kucoin.com/docs-new/websocket-api/base-info/introduction. A recording of 2021 has the
best bid and ask in `/market/ticker` only, and no times in the updates of a book. Its page of the
whole book was public. Futures have one change in each update of a book.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from feedd.venues.paged_books import PagedBooks
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
    PlayedChannel,
    PlayedExchange,
    Player,
    Quote,
    Reader,
    Session,
    Subscription,
    Ticker,
    Trade,
    bare,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS: dict[str, PlayedChannel] = {
    "/market/level2": "book", "/market/match": "trade", "/market/snapshot": "ticker",
    "/spotMarket/level1": "quote", "/contractMarket/level2": "book",
    "/contractMarket/execution": "trade", "/contractMarket/ticker": "ticker",
    "/contractMarket/tickerV2": "quote",
}  # fmt: skip
PUBLIC_LEVELS = 100
PING_MS, TIMEOUT_MS = 18_000, 10_000
NS_PER_MS = 1_000_000
SUMMARY = ("lastTradedPrice", "buy", "sell", "high", "low", "vol", "changeRate")
CODES = {"XBT": "BTC", "BCHSV": "BSV"}  # ids of assets that mean another code


class KucoinReader(Reader):
    """Frames of the public connection: `{"type":"message","topic":…,"subject":…,"data":{…}}`."""

    topics: tuple[str, ...] = ("/market/", "/spotMarket/")

    def __init__(self) -> None:
        self._books = PagedBooks()

    def recognises(self, text: str) -> bool:
        """Return whether a frame is of one of the topics."""
        return any(f'"{topic}' in text for topic in self.topics) and '"subject"' in text

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the symbols, with the rows of the recorded listing."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/symbols" in url:
                rows |= {row["symbol"]: row for row in json.loads(body)["data"]}
        for id_ in seen:
            row = rows.get(id_) or _entry(id_)
            yield Market(id_, f"{row['baseCurrency']}/{row['quoteCurrency']}", row)

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame, or the whole book of a page."""
        if frame.kind == "http" and "/orderbook/level2" in frame.url:
            data = json.loads(frame.data)["data"]
            market = frame.url.partition("symbol=")[2].partition("&")[0]
            whole = self._books.page(
                Depth(
                    market, int(data["time"]), _levels(data["bids"]), _levels(data["asks"]),
                    whole=True, last=int(data["sequence"]),
                )
            )  # fmt: skip
            if whole is not None:
                yield whole
        if frame.kind == "recv":
            message = json.loads(frame.data)
            if message.get("type") == "message":
                yield from self._message(message)

    def _message(self, message: Any) -> Iterator[Event]:
        data, market = message["data"], message["topic"].partition(":")[2]
        if message["subject"] == "trade.l2update":
            changes = data["changes"]
            update = self._books.update(
                Depth(
                    market, data.get("time"), _changed(changes["bids"]),
                    _changed(changes["asks"]), before=data["sequenceStart"] - 1,
                    last=data["sequenceEnd"],
                )
            )  # fmt: skip
            if update is not None:
                yield update
        elif message["subject"] == "trade.l3match":
            yield Trade(
                market, int(data["time"]) // NS_PER_MS, data["tradeId"], data["price"],
                data["size"], data["side"], data,
            )  # fmt: skip
        elif message["subject"] == "level1":
            bid, ask = data["bids"] or [None, None], data["asks"] or [None, None]
            yield Quote(market, data["timestamp"], *bid, *ask)
        elif message["subject"] == "trade.snapshot":
            row = data["data"]
            texts = {key: None if row[key] is None else str(row[key]) for key in SUMMARY}
            change = texts["changeRate"]
            yield Ticker(
                market, row["datetime"], texts["lastTradedPrice"], texts["buy"], texts["sell"],
                texts["high"], texts["low"], texts["vol"],
                None if change is None else str(Decimal(change) * 100),
            )  # fmt: skip
        elif message["subject"] == "trade.ticker":
            yield Ticker(
                market, data["time"], data["price"], data["bestBid"], data["bestAsk"]
            )  # fmt: skip
            yield Quote(
                market, data["time"], data["bestBid"], data["bestBidSize"], data["bestAsk"],
                data["bestAskSize"],
            )  # fmt: skip


class KucoinFuturesReader(KucoinReader):
    """Frames of the public connection of futures, whose sizes are contracts."""

    topics = ("/contractMarket/",)

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the contracts, with the rows of the recorded listing."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/contracts/active" in url:
                rows |= {row["symbol"]: row for row in json.loads(body)["data"]}
        for id_ in seen:
            row = rows.get(id_) or _contract(id_)
            base, quote, settle = (
                CODES.get(row[key], row[key])
                for key in ("baseCurrency", "quoteCurrency", "settleCurrency")
            )
            yield Market(id_, f"{base}/{quote}:{settle}", row)

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame, or the whole book of a page."""
        if frame.kind == "http" and "/level2/snapshot" in frame.url:
            data = json.loads(frame.data)["data"]
            whole = self._books.page(
                Depth(
                    data["symbol"], data["ts"] // NS_PER_MS, _levels(data["bids"]),
                    _levels(data["asks"]), whole=True, last=data["sequence"],
                )
            )  # fmt: skip
            if whole is not None:
                yield whole
        elif frame.kind == "recv":
            yield from super().events(frame)

    def _message(self, message: Any) -> Iterator[Event]:
        data, market = message["data"], message["topic"].partition(":")[2]
        subject = message["subject"]
        if subject == "level2":
            price, side, size = data["change"].split(",")
            bids, asks = ((price, size),), ()
            if side == "sell":
                bids, asks = asks, bids  # type: ignore[assignment]
            update = self._books.update(
                Depth(
                    market, data["timestamp"], bids, asks, before=data["sequence"] - 1,
                    last=data["sequence"],
                )
            )  # fmt: skip
            if update is not None:
                yield update
            return
        time_ms = int(data.get("ts", 0)) // NS_PER_MS
        bid, ask = data.get("bestBidPrice"), data.get("bestAskPrice")
        if subject == "match":
            yield Trade(
                market, time_ms, str(data["tradeId"]), str(data["price"]), str(data["size"]),
                data["side"], data,
            )  # fmt: skip
        elif subject == "ticker":
            yield Ticker(market, time_ms, str(data["price"]), bid, ask, raw=data)
        elif subject == "tickerV2":
            yield Quote(
                market, time_ms, bid, str(data["bestBidSize"]), ask, str(data["bestAskSize"]),
                str(data["sequence"]), data,
            )  # fmt: skip


class KucoinPlayer(Player):
    """The public connection of spot, whose address a page names, and the REST pages."""

    sockets = ("/endpoint",)

    def page(self, request: PageRequest) -> Any:
        """Return the address of the connection, the list of symbols, or the best 100 levels."""
        if request.path.endswith("/bullet-public"):
            server = {
                "endpoint": f"ws{request.base.removeprefix('http')}/endpoint",
                "encrypt": False, "protocol": "websocket", "pingInterval": PING_MS,
                "pingTimeout": TIMEOUT_MS,
            }  # fmt: skip
            return _answer({"token": "2neAiuYvAU61ZDXANAGAsiL4", "instanceServers": [server]})
        if request.path.endswith("/symbols"):
            return _answer([state.market.entry for state in self.states.values()])
        if request.path.endswith("/currencies"):
            return _answer([])
        if request.path.endswith(f"/market/orderbook/level2_{PUBLIC_LEVELS}"):
            state = self.states.get(request.query.get("symbol", ""))
            if state is None:
                return {"code": "900001", "msg": "symbol not exists"}
            return _answer(
                {
                    "time": state.book.time_ms or request.now_ms,
                    "sequence": str(state.book.last),
                    "bids": _rows(state.book.bids(PUBLIC_LEVELS)),
                    "asks": _rows(state.book.asks(PUBLIC_LEVELS)),
                }
            )
        return None

    def opened(self, session: Session) -> Iterable[Message]:
        """Welcome a connection."""
        return [{"id": session.query.get("connectId", "1"), "type": "welcome"}]

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"id":"1","type":"subscribe","topic":"/market/level2:A-B,C-D","response":true}`."""
        kind = message.get("type")
        if kind == "ping":
            yield {"id": message["id"], "type": "pong"}
        elif kind in {"subscribe", "unsubscribe"}:
            name, _, markets = message["topic"].partition(":")
            for market in markets.split(","):
                yield Ask(
                    (name, market), CHANNELS.get(name), market, message,
                    ends=kind == "unsubscribe", options={"name": name},
                )  # fmt: skip
        else:
            yield _error(message, 415, "type is not supported")

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge a subscription."""
        return self.ended(subscription.ask, subscription.session)

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse a topic as one that does not exist."""
        return [_error(ask.request, 404, f"topic {ask.request['topic']} is not found")]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [{"id": ask.request["id"], "type": "ack"}]

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message for each event; the stream of a book has no whole ones."""
        for event in events:
            data = self._data(event)
            if data is not None:
                subject, content = data
                topic = f"{subscription.ask.options['name']}:{event.market}"
                yield {"topic": topic, "type": "message", "subject": subject, "data": content}

    def _data(self, event: Event) -> tuple[str, Any] | None:
        if isinstance(event, Trade):
            return "trade.l3match", event.raw | {"time": f"{event.time_ms}000000"}
        if isinstance(event, Quote):
            return "level1", {
                "asks": [event.ask, event.ask_size], "bids": [event.bid, event.bid_size],
                "timestamp": event.time_ms,
            }  # fmt: skip
        if isinstance(event, Ticker):
            change = event.change_percent
            fraction = None if change is None else str(Decimal(change) / 100)
            row = {
                "symbol": event.market, "symbolCode": event.market, "trading": True,
                "datetime": event.time_ms, "lastTradedPrice": _bare(event.last),
                "buy": _bare(event.bid), "sell": _bare(event.ask), "high": _bare(event.high),
                "low": _bare(event.low), "vol": _bare(event.volume), "changeRate": _bare(fraction),
            }  # fmt: skip
            return "trade.snapshot", {"sequence": "0", "data": row}
        if event.whole:
            return None
        changes = {
            side: [[*level, str(event.last)] for level in levels]
            for side, levels in (("asks", event.asks), ("bids", event.bids))
        }
        return "trade.l2update", {
            "changes": changes, "sequenceStart": event.before + 1, "sequenceEnd": event.last,
            "symbol": event.market, "time": event.time_ms,
        }  # fmt: skip


class KucoinFuturesPlayer(KucoinPlayer):
    """The public connection of futures, and the REST pages; the page of a book has all levels."""

    def page(self, request: PageRequest) -> Any:
        """Return the address of the connection, the list of contracts, or a whole book."""
        if request.path.endswith("/contracts/active"):
            return _answer([state.market.entry for state in self.states.values()])
        state = self.states.get(request.query.get("symbol", ""))
        if request.path.endswith("/level2/snapshot") and state is not None:
            book = state.book
            bids, asks = (
                [[price, bare(size)] for price, size in side] for side in (book.bids(), book.asks())
            )
            return _answer(
                {
                    "sequence": book.last, "symbol": state.market.id, "bids": bids, "asks": asks,
                    "ts": (book.time_ms or request.now_ms) * NS_PER_MS,
                }
            )  # fmt: skip
        return super().page(request)

    def _data(self, event: Event) -> tuple[str, Any] | None:
        if isinstance(event, Depth):
            if event.whole:
                return None
            side, (price, size) = (
                ("buy", event.bids[0]) if event.bids else ("sell", event.asks[0])
            )  # fmt: skip
            return "level2", {
                "sequence": event.last, "change": f"{price},{side},{size}",
                "timestamp": event.time_ms,
            }  # fmt: skip
        subject = {Trade: "match", Ticker: "ticker", Quote: "tickerV2"}[type(event)]
        return subject, event.raw | {"ts": (event.time_ms or 0) * NS_PER_MS}


def _entry(id_: str) -> dict[str, Any]:
    base, _, quote = id_.partition("-")
    return {
        "symbol": id_, "name": id_, "baseCurrency": CODES.get(base, base), "quoteCurrency": quote,
        "feeCurrency": quote, "market": quote, "baseMinSize": "0.00000001", "quoteMinSize": "0.01",
        "baseMaxSize": "10000000000", "quoteMaxSize": "99999999", "baseIncrement": "0.00000001",
        "quoteIncrement": "0.0000000001", "priceIncrement": "0.0000000001",
        "isMarginEnabled": False, "enableTrading": True,
    }  # fmt: skip


def _contract(id_: str) -> dict[str, Any]:
    pair = id_.removesuffix("M")
    quote = next(one for one in ("USDT", "USDC", "USD") if pair.endswith(one))
    base = pair.removesuffix(quote)
    inverse = quote == "USD"
    return {
        "symbol": id_, "type": "FFWCSX", "expireDate": None, "settleDate": None,
        "baseCurrency": base, "quoteCurrency": quote, "settleCurrency": base if inverse else quote,
        "lotSize": 1, "tickSize": 1e-10, "multiplier": -1.0 if inverse else 1.0,
        "isInverse": inverse, "status": "Open", "nextFundingRateTime": 1, "makerFeeRate": 0.0002,
        "takerFeeRate": 0.0006,
    }  # fmt: skip


def _bare(text: str | None) -> Any:
    return None if text is None else bare(text)


def _levels(rows: Sequence[Sequence[Any]]) -> tuple[LevelTexts, ...]:
    return tuple((str(row[0]), str(row[1])) for row in rows)


def _changed(rows: Sequence[Sequence[str]]) -> tuple[LevelTexts, ...]:
    return _levels([row for row in rows if float(row[0])])


def _rows(levels: Iterable[LevelTexts]) -> list[list[str]]:
    return [list(level) for level in levels]


def _answer(data: Any) -> dict[str, Any]:
    return {"code": "200000", "data": data}


def _error(request: Any, code: int, text: str) -> dict[str, Any]:
    return {"id": request.get("id"), "type": "error", "code": code, "data": text}


PLAYED = (
    PlayedExchange("kucoin", "KUCOIN", KucoinReader, KucoinPlayer),
    PlayedExchange("kucoin", "KUCOIN_FUTURES", KucoinFuturesReader, KucoinFuturesPlayer),
)

"""Kraken Futures: recordings from 2021 on; its messages are today's.

https://docs.kraken.com/api/docs/futures-api/websocket/book. Where a recording has `ticker_lite`
only, tickers are made of it too: they lack the last price, the high and the low.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

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
    bare,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS = {"book": "book", "trade": "trade", "ticker": "ticker", "ticker_lite": "quote"}
TRADES_AT_FIRST = 100
ASSETS = {"XBT": "BTC"}


class KrakenFuturesReader(Reader):
    """Frames of `wss://futures.kraken.com/ws/v1`: objects with `feed` and `product_id`."""

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the recorded instruments; their ids were in small letters in 2021."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/instruments" in url:
                for row in json.loads(body)["instruments"]:
                    id_ = row["symbol"].upper()
                    rows[id_] = {**row, "symbol": id_}
        for id_ in seen:
            yield Market(id_, _symbol(rows[id_]), rows[id_])

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame."""
        if frame.kind != "recv" or '"product_id"' not in frame.data:
            return
        row = json.loads(frame.data, parse_float=str, parse_int=str)
        feed, market = row.get("feed"), row.get("product_id")
        received_ms = frame.at_ns // 1_000_000
        if feed in {"trade", "trade_snapshot"}:
            for one in reversed(row.get("trades", [row])):
                yield Trade(
                    market, int(one["time"]), one["uid"], one["price"], one["qty"], one["side"], one
                )
        elif feed == "ticker_lite":
            yield Quote(market, None, row["bid"], None, row["ask"], None, raw=row)
            yield Ticker(
                market, received_ms, None, row["bid"], row["ask"], volume=row["volume"],
                change_percent=row["change"], raw={**row, "time": str(received_ms)},
            )  # fmt: skip
        elif feed == "ticker":
            yield Ticker(
                market, int(row["time"]), row.get("last"), row["bid"], row["ask"], row.get("high"),
                row.get("low"), row["volume"], row["change"], row,
            )  # fmt: skip
        elif feed == "book_snapshot":
            yield Depth(
                market, int(row["timestamp"]), _levels(row["bids"]), _levels(row["asks"]),
                whole=True, before=int(row["seq"]) - 1, last=int(row["seq"]),
            )  # fmt: skip
        elif feed == "book":
            buys, seq = row["side"] == "buy", int(row["seq"])
            yield Depth(
                market, int(row["timestamp"]), _levels([row] if buys else ()),
                _levels(() if buys else [row]), before=seq - 1, last=seq,
            )  # fmt: skip


class KrakenFuturesPlayer(Player):
    """`/ws/v1` and the REST pages of the market data."""

    sockets = ("/ws/v1",)

    def page(self, request: PageRequest) -> Any:
        """Return the instruments, a book, or the newest trades, which have no `seq` here."""
        path = request.path.removeprefix("/derivatives/api/v3/")
        if path == "instruments":
            rows = [state.market.entry for state in self.states.values()]
            return _answer(request, {"instruments": rows})
        state = self.states.get(request.query.get("symbol", "").upper())
        if path not in {"orderbook", "history"}:
            return None
        if state is None:
            return _answer(request, {"error": "invalidArgument"})
        if path == "orderbook":
            book = {
                side: [[float(price), float(size)] for price, size in levels]
                for side, levels in (("bids", state.book.bids()), ("asks", state.book.asks()))
            }
            return _answer(request, {"orderBook": book})
        history = [
            {
                "time": one.time_ms, "trade_id": number, "price": float(one.price),
                "size": float(one.size), "side": one.side, "type": "fill", "uid": one.id,
            }
            for number, one in enumerate(_newest(state), 1)
        ]  # fmt: skip
        return _answer(request, {"history": history[::-1]})

    def opened(self, session: Session) -> Iterable[Message]:
        """Begin with the version."""
        return [{"event": "info", "version": 1}]

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"event":"subscribe","feed":"book","product_ids":["PI_XBTUSD"]}`."""
        if message["event"] not in {"subscribe", "unsubscribe"}:
            return
        feed = message["feed"]
        for product in message["product_ids"]:
            yield Ask(
                (feed, product.upper()),
                CHANNELS.get(feed),  # type: ignore[arg-type]
                product.upper(),
                message,
                ends=message["event"] == "unsubscribe",
            )

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge each product of its own."""
        return [_acknowledged(subscription.ask, "subscribed")]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse without the name of what is refused."""
        return [{"event": "error", "message": "Invalid product id"}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [_acknowledged(ask, "unsubscribed")]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last 100 trades, or the ticker."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "book" and state.book:
            return [_snapshot(state)]
        if ask.channel == "trade" and state.trades:
            return [_trades(ask.market, _newest(state))]
        one = state.ticker if ask.channel == "ticker" else state.quote
        if ask.channel in {"ticker", "quote"} and one is not None:
            return [_bare(one.raw, ask.request["feed"])]
        return ()

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message; several trades at once are the beginning of the stream."""
        ask, event = subscription.ask, events[0]
        if ask.channel == "trade":
            if len(events) > 1:
                return [_trades(ask.market, events)]
            return [_bare(event.raw, "trade")]
        if ask.channel != "book":
            return [_bare(event.raw, ask.request["feed"])]
        if event.whole:
            return [_snapshot(state)]
        side, levels = ("buy", event.bids) if event.bids else ("sell", event.asks)
        ((price, size),) = levels
        return [{
            "feed": "book", "product_id": ask.market, "side": side, "seq": event.last,
            "price": bare(price), "qty": bare(size), "timestamp": event.time_ms,
        }]  # fmt: skip


def _snapshot(state: MarketState) -> Message:
    def rows(levels: list[LevelTexts]) -> list[Any]:
        return [{"price": bare(price), "qty": bare(size)} for price, size in levels]

    book = state.book
    return {
        "feed": "book_snapshot", "product_id": state.market.id, "timestamp": book.time_ms,
        "seq": book.last, "tickSize": None, "bids": rows(book.bids()), "asks": rows(book.asks()),
    }  # fmt: skip


def _trades(market: str, trades: Sequence[Trade]) -> Message:
    rows = [_bare(one.raw, "trade") for one in reversed(trades)]
    return {"feed": "trade_snapshot", "product_id": market, "trades": rows}


def _newest(state: MarketState) -> list[Trade]:
    return list(islice(state.trades, max(0, len(state.trades) - TRADES_AT_FIRST), None))


def _bare(raw: Mapping[str, Any], feed: str) -> Message:
    """Return a recorded row, whose numbers are texts, as a message of a feed."""
    texts = {"product_id", "uid", "side", "type", "tag", "pair", "leverage"}
    return {
        key: bare(value) if isinstance(value, str) and key not in texts else value
        for key, value in raw.items()
    } | {"feed": feed}


def _acknowledged(ask: Ask, event: str) -> Message:
    return {"event": event, "feed": ask.request["feed"], "product_ids": [ask.market]}


def _symbol(row: Mapping[str, Any]) -> str:
    pair = row["symbol"].split("_")[1]
    base, quote = (ASSETS.get(asset, asset) for asset in (pair[:-3], pair[-3:]))
    symbol = f"{base}/{quote}:{base if row['type'] == 'futures_inverse' else quote}"
    until = row.get("lastTradingTime")
    return symbol if until is None else f"{symbol}-{until[2:10].replace('-', '')}"


def _levels(rows: Sequence[Mapping[str, str]]) -> tuple[LevelTexts, ...]:
    return tuple((row["price"], row["qty"]) for row in rows)


def _answer(request: PageRequest, body: dict[str, Any]) -> dict[str, Any]:
    result = "error" if "error" in body else "success"
    return {"result": result, **body, "serverTime": request.now_ms}


PLAYED = (
    PlayedExchange("krakenfutures", "KRAKEN_FUTURES", KrakenFuturesReader, KrakenFuturesPlayer),
)

"""Gate spot and futures: recordings from 2021 on, and today's messages.

https://www.gate.com/docs/developers/apiv4/ws/en/, https://www.gate.com/docs/developers/futures/ws/en/.
A recording of 2021 has spot's books in `spot.order_book_update` beside a page, with the same ids,
and no numbers of a market's trades: each gets the next one.
"""

from __future__ import annotations

import json
import re
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
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS: dict[str, PlayedChannel] = {
    "spot.obu": "book", "spot.trades": "trade", "spot.tickers": "ticker",
    "spot.book_ticker": "quote", "futures.order_book_update": "book", "futures.trades": "trade",
    "futures.tickers": "ticker", "futures.book_ticker": "quote",
}  # fmt: skip
FIRST_TRADE = 11_200  # the number of a recording's first trade in its market
NS_PER_MS = 1_000_000


class GateReader(Reader):
    """Frames of one kind of market: `{"channel":…,"event":"update","result":…}`."""

    listing = "/spot/currency_pairs"
    key = "id"  # of a listed market
    asked = "currency_pair="  # in the address of a page
    kind = "spot"

    def __init__(self) -> None:
        self._books = PagedBooks()

    def recognises(self, text: str) -> bool:
        """Return whether a frame is of one of the channels."""
        return re.match(rf'\{{.*?"channel": ?"{self.kind}\.', text) is not None

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the markets, with the rows of the recorded listing."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if self.listing in url:
                rows |= {row[self.key]: row for row in json.loads(body)}
        for id_ in seen:
            yield Market(id_, self.symbol(id_), rows.get(id_) or self.entry(id_))

    def entry(self, id_: str) -> dict[str, Any]:
        """Return the row of a market that no listing holds."""
        base, _, quote = id_.partition("_")
        return {
            "id": id_, "base": base, "quote": quote, "fee": "0.2", "amount_precision": 8,
            "precision": 10, "trade_status": "tradable",
        }  # fmt: skip

    def symbol(self, id_: str) -> str:
        """Return ccxt's name of a market."""
        return id_.replace("_", "/")

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame, or the whole book of a page."""
        if frame.kind == "http" and "/order_book" in frame.url:
            body = json.loads(frame.data)
            market = frame.url.partition(self.asked)[2].partition("&")[0]
            whole = self._books.page(
                Depth(
                    market, frame.at_ns // NS_PER_MS, _levels(body["bids"]),
                    _levels(body["asks"]), whole=True, last=body["id"],
                )
            )  # fmt: skip
            if whole is not None:
                yield whole
        if frame.kind == "recv":
            message = json.loads(frame.data)
            if message.get("event") == "update":
                yield from self._message(message)

    def _message(self, message: Any) -> Iterator[Event]:
        kind, result = message["channel"].partition(".")[2], message["result"]
        if kind == "obu":
            yield Depth(
                result["s"].split(".")[1], result["t"], _levels(result.get("b") or ()),
                _levels(result.get("a") or ()), whole=bool(result.get("full")),
                before=result.get("U", 1) - 1, last=result["u"],
            )  # fmt: skip
        elif kind == "order_book_update":
            update = self._books.update(
                Depth(
                    result["s"], result["t"], _levels(result["b"]), _levels(result["a"]),
                    before=result["U"] - 1, last=result["u"],
                )
            )  # fmt: skip
            if update is not None:
                yield update
        elif kind == "book_ticker":
            yield Quote(
                result["s"], result["t"], result["b"] or None, str(result["B"]),
                result["a"] or None, str(result["A"]), str(result["u"]),
            )  # fmt: skip
        elif kind in {"trades", "tickers"}:
            rows = result if isinstance(result, list) else [result]
            for row in rows:
                yield self._trade(row) if kind == "trades" else self._ticker(row, message)

    def _trade(self, row: Any) -> Trade:
        return Trade(
            row["currency_pair"], int(row["create_time_ms"].partition(".")[0]), str(row["id"]),
            row["price"], row["amount"], row["side"], row,
        )  # fmt: skip

    def _ticker(self, row: Any, message: Any) -> Ticker:
        return Ticker(
            row["currency_pair"], message.get("time_ms") or message["time"] * 1000, row["last"],
            row["highest_bid"], row["lowest_ask"], row["high_24h"], row["low_24h"],
            row["base_volume"], row["change_percentage"], row,
        )  # fmt: skip


class GateFuturesReader(GateReader):
    """Frames of futures, whose sizes are contracts and whose sign is the taker's side."""

    listing = "/contracts"
    key = "name"
    asked = "contract="
    kind = "futures"

    def entry(self, id_: str) -> dict[str, Any]:
        """Return the row of a contract that no listing holds."""
        return {
            "name": id_, "type": "direct", "quanto_multiplier": "1", "order_size_min": 1,
            "order_size_max": 1_000_000, "order_price_round": "0.0000000001",
            "mark_price_round": "0.0000000001", "order_price_deviate": "0.5", "mark_price": "1",
            "leverage_min": "1", "leverage_max": "20", "maker_fee_rate": "0",
            "taker_fee_rate": "0.0005", "in_delisting": False,
        }  # fmt: skip

    def symbol(self, id_: str) -> str:
        """Return ccxt's name of a perpetual contract."""
        pair = id_.replace("_", "/")
        return f"{pair}:{'BTC' if pair.endswith('/USD') else pair.partition('/')[2]}"

    def _trade(self, row: Any) -> Trade:
        size = str(row["size"])
        side: Any = "sell" if size.startswith("-") else "buy"
        return Trade(
            row["contract"], row["create_time_ms"], str(row["id"]), row["price"],
            size.removeprefix("-"), side, row,
        )  # fmt: skip

    def _ticker(self, row: Any, message: Any) -> Ticker:
        return Ticker(
            row["contract"], message["time_ms"], row["last"], None, None, row["high_24h"],
            row["low_24h"], row["volume_24h_base"], row["change_percentage"], row,
        )  # fmt: skip


class GatePlayer(Player):
    """The connection and the REST pages of spot."""

    sockets: tuple[str, ...] = ("/ws/v4/",)
    kind = "spot"

    def page(self, request: PageRequest) -> Any:
        """Return the list of markets, or the newest trades."""
        path = request.path.partition("/api/v4/")[2]
        if path == "spot/currency_pairs":
            return [state.market.entry for state in self.states.values()]
        if path in {"margin/currency_pairs", "spot/currencies"}:
            return []
        state = self.states.get(request.query.get("currency_pair", ""))
        if path == "spot/trades" and state is not None:
            rows = [
                {**_spot_trade(one), "sequence_id": str(number)}
                for number, one in enumerate(state.trades, FIRST_TRADE)
            ]
            return rows[-int(request.query.get("limit", 100)) :][::-1]
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"id":1,"channel":"spot.obu","event":"subscribe","payload":["ob.A_B.50"]}`."""
        channel, event = message["channel"], message["event"]
        payload = message.get("payload") or []
        if event not in {"subscribe", "unsubscribe"}:
            return
        markets = payload
        if channel == "spot.obu":
            markets = [one.split(".")[1] for one in payload]
        elif channel.endswith("order_book_update"):
            markets = payload[:1]
        elif channel.endswith("candlesticks"):
            markets = payload[1:]
        for market in markets:
            yield Ask(
                (channel, market), CHANNELS.get(channel), market, message,
                ends=event == "unsubscribe",
            )  # fmt: skip

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge a subscription."""
        return [_answer(subscription.ask.request)]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse a market that does not exist."""
        what = "currency pair: " if self.kind == "spot" else "contract "
        error = {"code": 2, "message": f"unknown {what}{ask.market}"}
        return [_answer(ask.request) | {"error": error, "result": {"status": "fail"}}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [_answer(ask.request)]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the full book with which `spot.obu` begins."""
        state = self.states[subscription.ask.market]
        if subscription.ask.channel == "book" and self.kind == "spot" and state.book:
            yield self._full(subscription, state)

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message for each event; a whole book of futures is only a page's."""
        channel = subscription.ask.request["channel"]
        for at, event in enumerate(events):
            if isinstance(event, Depth):
                if not event.whole:
                    yield _event(channel, event, self._update(event, subscription))
                elif self.kind == "spot":
                    yield self._full(subscription, state)
            elif isinstance(event, Trade):
                number = FIRST_TRADE + len(state.trades) - len(events) + at
                yield _event(channel, event, self._trade(event, number))
            elif isinstance(event, Ticker):
                yield _event(channel, event, self._ticker(event))
            else:
                yield _event(channel, event, _quote(event))

    def _full(self, subscription: Subscription, state: MarketState) -> Message:
        book = state.book
        result = {
            "t": book.time_ms, "full": True, "s": subscription.ask.request["payload"][0],
            "u": book.last, "b": _rows(book.bids()), "a": _rows(book.asks()),
        }  # fmt: skip
        return {
            "channel": "spot.obu", "result": result, "time_ms": book.time_ms, "event": "update"
        }  # fmt: skip

    def _update(self, event: Depth, subscription: Subscription) -> Any:
        return {
            "t": event.time_ms, "s": subscription.ask.request["payload"][0],
            "U": event.before + 1, "u": event.last, "b": _rows(event.bids), "a": _rows(event.asks),
        }  # fmt: skip

    def _trade(self, event: Trade, number: int) -> Any:
        return {**_spot_trade(event), "id_market": number, "range": f"{number}-{number}"}

    def _ticker(self, event: Ticker) -> Any:
        return event.raw


class GateFuturesPlayer(GatePlayer):
    """The connection and the REST pages of futures; sizes are texts, as ccxt asks for them."""

    sockets = ("/v4/ws/usdt", "/v4/ws/btc")
    kind = "futures"

    def page(self, request: PageRequest) -> Any:
        """Return the list of contracts, or a book with its id."""
        path = request.path.partition("/api/v4/")[2]
        if path.endswith("/contracts"):
            held = path == "futures/usdt/contracts"
            return [state.market.entry for state in self.states.values()] if held else []
        if path == "spot/currencies":
            return []
        state = self.states.get(request.query.get("contract", ""))
        if state is None:
            return None
        if path == "futures/usdt/trades":
            rows = [
                {**one.raw, "create_time_ms": (one.time_ms or 0) / 1000} for one in state.trades
            ]
            return rows[-int(request.query.get("limit", 100)) :][::-1]
        if path != "futures/usdt/order_book":
            return None
        limit = int(request.query.get("limit", 10))
        book, now_s = state.book, request.now_ms / 1000
        changed_s = now_s if book.time_ms is None else book.time_ms / 1000
        return {
            "current": now_s, "id": book.last, "update": changed_s,
            "asks": _named(book.asks(limit)), "bids": _named(book.bids(limit)),
        }  # fmt: skip

    def _update(self, event: Depth, subscription: Subscription) -> Any:
        return {
            "t": event.time_ms, "s": event.market, "U": event.before + 1, "u": event.last,
            "b": _named(event.bids), "a": _named(event.asks),
        }  # fmt: skip

    def _trade(self, event: Trade, number: int) -> Any:
        size = f"-{event.size}" if event.side == "sell" else event.size
        return [{**event.raw, "create_time_ms": event.time_ms, "size": size}]

    def _ticker(self, event: Ticker) -> Any:
        return [event.raw]


def _event(channel: str, event: Event, result: Any) -> Message:
    time_ms = event.time_ms or 0
    return {
        "time": time_ms // 1000, "time_ms": time_ms, "channel": channel, "event": "update",
        "result": result,
    }  # fmt: skip


def _answer(request: Any) -> dict[str, Any]:
    kept = {key: request.get(key) for key in ("time", "id", "channel", "event", "payload")}
    return {**kept, "conn_id": "62f2c1dabbe186d7", "result": {"status": "success"}}


def _quote(event: Quote) -> dict[str, Any]:
    return {
        "t": event.time_ms, "u": int(event.id or 0), "s": event.market, "b": event.bid or "",
        "B": event.bid_size, "a": event.ask or "", "A": event.ask_size,
    }  # fmt: skip


def _spot_trade(event: Trade) -> dict[str, Any]:
    return {**event.raw, "create_time_ms": f"{event.time_ms}.25"}


def _levels(rows: Sequence[Any]) -> tuple[LevelTexts, ...]:
    named = ((row["p"], str(row["s"])) if isinstance(row, dict) else row for row in rows)
    return tuple((price, size) for price, size in named)


def _rows(levels: Iterable[LevelTexts]) -> list[list[str]]:
    return [list(level) for level in levels]


def _named(levels: Iterable[LevelTexts]) -> list[dict[str, str]]:
    return [{"p": price, "s": size} for price, size in levels]


PLAYED = (
    PlayedExchange("gate", "GATEIO", GateReader, GatePlayer),
    PlayedExchange("gate", "GATEIO_FUTURES", GateFuturesReader, GateFuturesPlayer),
)

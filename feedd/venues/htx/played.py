"""HTX spot and swaps: recordings from 2021 on, when it was Huobi, and today's messages.

https://www.htx.com/en-us/opend/newApiPages/. A recording of 2021 has whole books (`depth.step0`),
whose differences are today's updates (`mbp` on spot, `depth.size_150.high_freq` of swaps), each
with the next number. All frames are packed with gzip, and numbers are JSON numbers.
"""

from __future__ import annotations

import gzip
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

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
    "mbp": "book", "depth": "book", "trade": "trade", "detail": "ticker",
}  # fmt: skip
QUOTES = ("usdt", "usdc", "usdd", "husd", "btc", "eth", "ht", "trx", "eur")
ANSWERED_MS = 1_583_414_229_143  # the time in answers, which nobody uses
# What the list of 2021 lacks of a swap, and a future: ccxt takes an empty list for a failure.
TERMS = {"business_type": "swap", "pair": "", "contract_type": "swap"}
DELIVERY = {
    "symbol": "BTC", "contract_code": "BTC991231", "contract_type": "quarter",
    "contract_size": 100, "price_tick": 0.01, "delivery_date": "20991231",
    "delivery_time": "4102358400000", "create_date": "20200605", "contract_status": 1,
}  # fmt: skip
Sides = tuple[tuple[LevelTexts, ...], tuple[LevelTexts, ...]]


class HtxReader(Reader):
    """Frames of the public connections: `{"ch":"market.btcusdt.trade.detail","tick":{…}}`."""

    listing, key, trade_id = "/common/symbols", "symbol", "tradeId"
    topic = re.compile(r'"(?:ch|rep)": ?"market\.[a-z0-9]+\.')

    def __init__(self) -> None:
        self._books = PagedBooks()
        self._whole: dict[str, Sides] = {}  # the last whole book of a market

    def recognises(self, text: str) -> bool:
        """Return whether a frame is of one of the topics."""
        return self.topic.search(text) is not None

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the markets, with the rows of the recorded listing."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if self.listing in url:
                rows |= {row[self.key]: row for row in json.loads(body)["data"]}
        for id_ in seen:
            row = rows.get(id_) or self._entry(id_)
            yield Market(id_, self._symbol(row), row)

    def _entry(self, id_: str) -> dict[str, Any]:
        quote = next(one for one in QUOTES if id_.endswith(one))
        return {
            "symbol": id_, "base-currency": id_.removesuffix(quote), "quote-currency": quote,
            "price-precision": 10, "amount-precision": 8, "value-precision": 8, "state": "online",
            "min-order-amt": 1e-8, "max-order-amt": 1e8, "min-order-value": 1e-8,
            "symbol-partition": "main", "api-trading": "enabled",
        }  # fmt: skip

    def _symbol(self, row: Any) -> str:
        return f"{row['base-currency']}/{row['quote-currency']}".upper()

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; each trade of a message is one, the oldest first."""
        if frame.kind != "recv" or '"market.' not in frame.data:
            return
        message = json.loads(frame.data, parse_float=str, parse_int=str)
        topic = str(message.get("ch", message.get("rep", "")))
        if topic:
            yield from self._message(topic.split("."), message)

    def _message(self, topic: list[str], message: Any) -> Iterator[Event]:
        _, market, kind, *_ = topic
        time_ms = int(message["ts"])
        if "rep" in message:
            data = message["data"]
            yield from _some(
                self._books.page(
                    Depth(
                        market, time_ms, *_sides(data), whole=True, last=int(data["seqNum"])
                    )
                )
            )  # fmt: skip
            return
        tick = message["tick"]
        if kind == "mbp":
            before, last = int(tick["prevSeqNum"]), int(tick["seqNum"])
            update = Depth(market, time_ms, *_sides(tick), before=before, last=last)
            yield from _some(self._books.update(update))
        elif kind == "depth" and "event" in tick:
            last = int(tick["version"])
            yield Depth(
                market, time_ms, *_sides(tick), whole=tick["event"] == "snapshot",
                before=last - 1, last=last,
            )  # fmt: skip
        elif kind == "depth":
            yield self._changed(market, time_ms, _sides(tick))
        elif kind == "trade":
            for row in reversed(tick["data"]):
                yield Trade(
                    market, int(row["ts"]), row[self.trade_id], row["price"], row["amount"],
                    row["direction"], row["id"],
                )  # fmt: skip
        elif kind == "detail":
            change = (Decimal(tick["close"]) - Decimal(tick["open"])) / Decimal(tick["open"])
            yield Ticker(
                market, time_ms, tick["close"], *_best(tick), tick["high"], tick["low"],
                tick["amount"], str(change * 100), tick,
            )  # fmt: skip

    def _changed(self, market: str, time_ms: int, sides: Sides) -> Depth:
        before = self._whole.get(market)
        self._whole[market] = sides
        if before is None:
            return Depth(market, time_ms, *sides, whole=True)
        bids, asks = (_difference(*pair) for pair in zip(before, sides, strict=True))
        return Depth(market, time_ms, bids, asks)


class HtxSwapReader(HtxReader):
    """Frames of swaps, whose sizes are contracts, and whose trades have one id."""

    listing, key, trade_id = "/swap_contract_info", "contract_code", "id"
    topic = re.compile(r'"ch": ?"market\.[A-Z0-9]+-USDT?\.')

    def _entry(self, id_: str) -> dict[str, Any]:
        return {
            "symbol": id_.partition("-")[0], "contract_code": id_, "contract_size": 1,
            "price_tick": 1e-10, "delivery_time": "", "create_date": "20201021",
            "contract_status": 1,
        }  # fmt: skip

    def _symbol(self, row: Any) -> str:
        base, quote = row["contract_code"].split("-")
        return f"{base}/{quote}:{base if quote == 'USD' else quote}"


class HtxPlayer(Player):
    """The connections of spot (`/feed` for books), and the REST pages."""

    sockets = ("/ws", "/feed")

    def page(self, request: PageRequest) -> Any:
        """Return the list of symbols, or the newest trades in groups."""
        if request.path == "/v1/common/symbols":
            return _page([state.market.entry for state in self.states.values()])
        if request.path == "/v2/reference/currencies":
            return {"code": 200, "data": []}
        state = self.states.get(request.query.get("symbol", ""))
        if request.path == "/market/history/trade" and state is not None:
            newest = list(state.trades)[-int(request.query.get("size", 1)) :][::-1]
            return _page(
                [
                    {"id": bare(one.raw), "ts": one.time_ms, "data": [self._trade(one, "trade-id")]}
                    for one in newest
                ]
            )
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `sub`, `unsub` and `req`: `{"sub":"market.btcusdt.mbp.150","id":"1"}`."""
        if "req" in message:
            yield self._book(message)
        for how in ("sub", "unsub"):
            topic = message.get(how)
            if topic is not None:
                parts = [*str(topic).split("."), "", ""]
                yield Ask(topic, CHANNELS.get(parts[2]), parts[1], message, ends=how == "unsub")

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge a subscription."""
        request = subscription.ask.request
        return [_answer(request["id"], "ok") | {"subbed": request["sub"]}]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse a symbol that does not exist."""
        return [_refusal(ask.request["id"], ask.market)]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [_answer(ask.request["id"], "ok") | {"unsubbed": ask.key}]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the last trade, or the last ticker."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "trade" and state.trades:
            yield _event(ask.key, state.trades[-1].time_ms, self._trades([state.trades[-1]]))
        if ask.channel == "ticker" and state.ticker is not None:
            yield _event(ask.key, state.ticker.time_ms, _numbers(state.ticker.raw))

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message; the whole book of a stream is only in answers to requests."""
        ask, event = subscription.ask, events[-1]
        if ask.channel == "trade":
            yield _event(ask.key, event.time_ms, self._trades(events))
        elif ask.channel == "ticker":
            yield _event(ask.key, event.time_ms, _numbers(event.raw))
        elif not event.whole:
            tick = {"seqNum": event.last, "prevSeqNum": event.before}
            yield _event(ask.key, event.time_ms, tick | _rows(event.bids, event.asks))

    def encode(self, message: Message) -> bytes:
        """Return a message packed with gzip."""
        return gzip.compress(msgspec.json.encode(message), compresslevel=1)

    def _trades(self, events: Sequence[Trade]) -> dict[str, Any]:
        newest = events[-1]
        return {
            "id": int(newest.id or 0), "ts": newest.time_ms,
            "data": [self._trade(one, "tradeId") for one in reversed(events)],
        }  # fmt: skip

    def _trade(self, event: Trade, id_key: str) -> dict[str, Any]:
        return {
            "id": bare(event.raw), "ts": event.time_ms, id_key: int(event.id or 0),
            "amount": bare(event.size), "price": bare(event.price), "direction": event.side,
        }  # fmt: skip

    def _book(self, request: Any) -> Message:
        topic = request["req"]
        state = self.states.get(topic.split(".")[1])
        if state is None:
            return _refusal(request["id"], topic)
        book = state.book
        data = {"seqNum": book.last} | _rows(book.bids(), book.asks())
        return _answer(request["id"], "ok") | {"rep": topic, "data": data}


class HtxSwapPlayer(HtxPlayer):
    """The connections and REST pages of swaps; a book begins with a snapshot."""

    sockets = ("/linear-swap-ws", "/swap-ws")

    def page(self, request: PageRequest) -> Any:
        """Return the list of swaps that are settled in USDT or in the base currency."""
        entries = [state.market.entry for state in self.states.values()]
        inverse = [one for one in entries if one["contract_code"].endswith("-USD")]
        if request.path == "/linear-swap-api/v1/swap_contract_info":
            return _page([one | TERMS for one in entries if one not in inverse])
        if request.path == "/swap-api/v1/swap_contract_info":
            return _page(inverse)
        if request.path == "/api/v1/contract_contract_info":
            return _page([DELIVERY])
        if request.path == "/v2/reference/currencies":
            return {"code": 200, "data": []}
        return None

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last trade, or the last ticker."""
        ask, book = subscription.ask, self.states[subscription.ask.market].book
        if ask.channel == "book" and book:
            yield _swap_book(ask.key, "snapshot", book.time_ms, book.last, book.bids(), book.asks())
        else:
            yield from super().first(subscription)

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message; a whole book is a snapshot."""
        ask, event = subscription.ask, events[-1]
        if ask.channel != "book":
            yield from super().messages(events, subscription, state)
        elif event.whole:
            yield from self.first(subscription)
        else:
            yield _swap_book(
                ask.key, "update", event.time_ms, event.last, event.bids, event.asks
            )  # fmt: skip

    def _trade(self, event: Trade, id_key: str) -> dict[str, Any]:
        return super()._trade(event, id_key) | {"id": int(event.id or 0)}


def _swap_book(
    topic: str, event: str, time_ms: int | None, version: int, bids: Iterable[LevelTexts],
    asks: Iterable[LevelTexts],
) -> Message:  # fmt: skip
    tick = {
        "ch": topic, "event": event, "id": version, "mrid": version, "ts": time_ms,
        "version": version,
    }  # fmt: skip
    return _event(topic, time_ms, tick | _rows(bids, asks))


def _event(topic: str, time_ms: int | None, tick: Any) -> Message:
    return {"ch": topic, "ts": time_ms, "tick": tick}


def _answer(request_id: Any, status: str) -> dict[str, Any]:
    return {"id": request_id, "status": status, "ts": ANSWERED_MS}


def _refusal(request_id: Any, what: str) -> Message:
    why = {"err-code": "bad-request", "err-msg": f"invalid symbol {what}"}
    return _answer(request_id, "error") | why


def _page(data: list[Any]) -> dict[str, Any]:
    return {"status": "ok", "ts": ANSWERED_MS, "data": data}


def _numbers(tick: Any) -> dict[str, Any]:
    return {
        key: [bare(one) for one in value] if isinstance(value, list) else bare(value)
        for key, value in tick.items()
    }


def _best(tick: Any) -> tuple[str | None, str | None]:
    bid, ask = tick.get("bid"), tick.get("ask")
    return bid[0] if bid else None, ask[0] if ask else None


def _rows(bids: Iterable[LevelTexts], asks: Iterable[LevelTexts]) -> dict[str, Any]:
    return {
        name: [[bare(price), bare(size)] for price, size in levels]
        for name, levels in (("bids", bids), ("asks", asks))
    }


def _sides(book: Any) -> Sides:
    bids, asks = (tuple((row[0], row[1]) for row in book[side]) for side in ("bids", "asks"))
    return bids, asks


def _difference(
    before: tuple[LevelTexts, ...], after: tuple[LevelTexts, ...]
) -> tuple[LevelTexts, ...]:
    old, new = dict(before), dict(after)  # one price is always written in one way
    gone = [(price, "0") for price in old if price not in new]
    return (*gone, *(level for level in after if old.get(level[0]) != level[1]))


def _some(event: Depth | None) -> tuple[Depth, ...]:
    return () if event is None else (event,)


PLAYED = (
    PlayedExchange("htx", "HUOBI", HtxReader, HtxPlayer),
    PlayedExchange("htx", "HUOBI_SWAP", HtxSwapReader, HtxSwapPlayer),
)

"""HTX spot: recordings from 2021 on, when it was Huobi, and today's messages.

https://www.htx.com/en-us/opend/newApiPages/. A recording of 2021 has whole books (`depth.step0`),
whose differences are today's updates (`mbp`), each with the next number. All frames are packed with
gzip, and numbers are JSON numbers.
"""

from __future__ import annotations

import gzip
import json
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

CHANNELS: dict[str, PlayedChannel] = {"mbp": "book", "trade": "trade", "detail": "ticker"}
ANSWERED_MS = 1_583_414_229_143  # the time in answers, which nobody uses
Sides = tuple[tuple[LevelTexts, ...], tuple[LevelTexts, ...]]


class HtxReader(Reader):
    """Frames of the public connections: `{"ch":"market.btcusdt.trade.detail","tick":{…}}`."""

    def __init__(self) -> None:
        self._books = PagedBooks()
        self._whole: dict[str, Sides] = {}  # the last whole book of a market

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the symbols of the recorded listing."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/common/symbols" in url:
                rows |= {row["symbol"]: row for row in json.loads(body)["data"]}
        for id_ in seen:
            row = rows[id_]
            pair = f"{row['base-currency']}/{row['quote-currency']}".upper()
            yield Market(id_, pair, row)

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
        elif kind == "depth":
            yield self._changed(market, time_ms, _sides(tick))
        elif kind == "trade":
            for row in reversed(tick["data"]):
                yield Trade(
                    market, int(row["ts"]), row["tradeId"], row["price"], row["amount"],
                    row["direction"], row["id"],
                )  # fmt: skip
        elif kind == "detail":
            change = (Decimal(tick["close"]) - Decimal(tick["open"])) / Decimal(tick["open"])
            yield Ticker(
                market, time_ms, tick["close"], None, None, tick["high"], tick["low"],
                tick["amount"], str(change * 100), tick,
            )  # fmt: skip

    def _changed(self, market: str, time_ms: int, sides: Sides) -> Depth:
        before = self._whole.get(market)
        self._whole[market] = sides
        if before is None:
            return Depth(market, time_ms, *sides, whole=True)
        bids, asks = (_difference(*pair) for pair in zip(before, sides, strict=True))
        return Depth(market, time_ms, bids, asks)


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
                    {"id": bare(one.raw), "ts": one.time_ms, "data": [_trade(one, "trade-id")]}
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
            yield _event(ask.key, state.trades[-1].time_ms, _trades([state.trades[-1]]))
        if ask.channel == "ticker" and state.ticker is not None:
            yield _event(ask.key, state.ticker.time_ms, _numbers(state.ticker.raw))

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message; the whole book of a stream is only in answers to requests."""
        ask, event = subscription.ask, events[-1]
        if ask.channel == "trade":
            yield _event(ask.key, event.time_ms, _trades(events))
        elif ask.channel == "ticker":
            yield _event(ask.key, event.time_ms, _numbers(event.raw))
        elif not event.whole:
            tick = {"seqNum": event.last, "prevSeqNum": event.before}
            yield _event(ask.key, event.time_ms, tick | _rows(event.bids, event.asks))

    def encode(self, message: Message) -> bytes:
        """Return a message packed with gzip."""
        return gzip.compress(msgspec.json.encode(message), compresslevel=1)

    def _book(self, request: Any) -> Message:
        topic = request["req"]
        state = self.states.get(topic.split(".")[1])
        if state is None:
            return _refusal(request["id"], topic)
        book = state.book
        data = {"seqNum": book.last} | _rows(book.bids(), book.asks())
        return _answer(request["id"], "ok") | {"rep": topic, "data": data}


def _event(topic: str, time_ms: int | None, tick: Any) -> Message:
    return {"ch": topic, "ts": time_ms, "tick": tick}


def _answer(request_id: Any, status: str) -> dict[str, Any]:
    return {"id": request_id, "status": status, "ts": ANSWERED_MS}


def _refusal(request_id: Any, what: str) -> Message:
    why = {"err-code": "bad-request", "err-msg": f"invalid symbol {what}"}
    return _answer(request_id, "error") | why


def _page(data: list[Any]) -> dict[str, Any]:
    return {"status": "ok", "ts": ANSWERED_MS, "data": data}


def _trades(events: Sequence[Trade]) -> dict[str, Any]:
    newest = events[-1]
    return {
        "id": int(newest.id or 0), "ts": newest.time_ms,
        "data": [_trade(one, "tradeId") for one in reversed(events)],
    }  # fmt: skip


def _trade(event: Trade, id_key: str) -> dict[str, Any]:
    return {
        "id": bare(event.raw), "ts": event.time_ms, id_key: int(event.id or 0),
        "amount": bare(event.size), "price": bare(event.price), "direction": event.side,
    }  # fmt: skip


def _numbers(tick: Any) -> dict[str, Any]:
    return {key: bare(value) for key, value in tick.items() if isinstance(value, str)}


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


PLAYED = (PlayedExchange("htx", "HUOBI", HtxReader, HtxPlayer),)

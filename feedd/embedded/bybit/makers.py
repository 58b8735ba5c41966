"""Bybit's topics, made from a generated history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.embedded.bybit import events
from feedd.embedded.engine import StreamMaker
from feedd.embedded.market import MarketMessage
from feedd.embedded.trade_history import RunningCandle
from feedd.venues.bybit.topics import INTERVALS_MS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from feedd.embedded.engine import SymbolHistory
    from feedd.embedded.integer_book import Level, Side
    from feedd.embedded.matching import Step
    from feedd.venues.bybit.addresses import Category
    from feedd.venues.raw_streams import RawStream

REPEAT_MS = 3000  # level 1, while nothing changes

Top = dict["Side", list["Level"]]


def maker(
    stream: RawStream, symbol: SymbolHistory, category: Category = "linear"
) -> StreamMaker:  # fmt: skip
    """Return the maker of a topic of a category of markets."""
    made = _MAKERS[stream.content](stream, symbol)
    made.is_spot = category == "spot"
    return made


class _BybitMaker(StreamMaker):
    is_spot = False

    def __init__(self, stream: RawStream, symbol: SymbolHistory) -> None:
        self.topic = stream.name
        self.stream = stream
        self.period_ms = stream.period_ms
        self.symbol = symbol


class OrderBook(_BybitMaker):
    """`orderbook.<levels>`: a snapshot to each new subscriber, then changes of the top levels.

    `u` starts at the newest order's id and grows by one per message. There is at least one order
    per message, so a topic that ends and restarts continues above its last `u`.
    """

    def __init__(self, stream: RawStream, symbol: SymbolHistory) -> None:
        super().__init__(stream, symbol)
        self.u = symbol.update_id
        self.seq = symbol.update_id
        self.last_top = self._top()
        self.last_top_ms = self._sent_ms = symbol.now_ms()
        self._seen = symbol.update_id

    def greet(self, now_ms: int) -> Iterable[MarketMessage]:
        """Return the levels last sent to the others, so that the next delta fits."""
        return (self._message(self.last_top, now_ms, snapshot=True),)

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        """Return the changes."""
        if self._seen == self.symbol.update_id:
            return self._again(now_ms)
        self._seen = self.symbol.update_id
        top = self._top()
        changes: Top = {"bid": [], "ask": []}
        for side, levels in top.items():
            last, now = dict(self.last_top[side]), dict(levels)
            changes[side] = [(price, 0) for price in last if price not in now]
            changes[side] += [level for level in levels if last.get(level[0]) != level[1]]
        if not changes["bid"] and not changes["ask"]:
            return self._again(now_ms)
        self.u += 1
        self.seq, self.last_top, self.last_top_ms = self.symbol.update_id, top, now_ms
        if self.stream.levels == 1:
            return (self._message(top, now_ms, snapshot=True),)
        return (self._message(changes, now_ms, snapshot=False),)

    def _again(self, now_ms: int) -> Iterable[MarketMessage]:
        if self.stream.levels > 1 or now_ms - self._sent_ms < REPEAT_MS:
            return ()
        return (self._message(self.last_top, now_ms, snapshot=True),)

    def _top(self) -> Top:
        book, levels = self.symbol.book, self.stream.levels
        return {"bid": book.levels("bid", levels), "ask": book.levels("ask", levels)}

    def _message(self, levels: Top, now_ms: int, *, snapshot: bool) -> MarketMessage:
        self._sent_ms = now_ms
        i = self.symbol.instrument
        body = events.book_body(i, levels["bid"], levels["ask"], self.u, self.seq)
        data = events.book_message(
            self.topic, i.id, body, snapshot=snapshot, now_ms=now_ms, book_ms=self.last_top_ms,
            is_spot=self.is_spot,
        )  # fmt: skip
        return MarketMessage(self.topic, self.u, data)


class _Tickers(_BybitMaker):
    """A snapshot to each new subscriber, then the fields that changed; of spot, all fields."""

    def __init__(self, stream: RawStream, symbol: SymbolHistory) -> None:
        super().__init__(stream, symbol)
        self._last_fields = events.ticker_fields(symbol, symbol.now_ms()) or {}
        self._seq = symbol.update_id

    def greet(self, now_ms: int) -> Iterable[MarketMessage]:
        return (self._message("snapshot", self._last_fields, now_ms),)

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        fields = events.ticker_fields(self.symbol, now_ms)
        if fields is None:
            return ()
        changed = {key: text for key, text in fields.items() if self._last_fields.get(key) != text}
        if not changed or (self.is_spot and changed.keys().isdisjoint(events.SPOT_TICKER)):
            return ()
        self._last_fields, self._seq = fields, self.symbol.update_id
        if self.is_spot:
            return (self._message("snapshot", fields, now_ms),)
        delta = {"symbol": self.symbol.instrument.id, **changed}
        return (self._message("delta", delta, now_ms),)

    def _message(self, kind: str, fields: dict[str, str], now_ms: int) -> MarketMessage:
        body: dict[str, Any]
        if self.is_spot:
            body = {
                "topic": self.topic, "ts": now_ms, "type": kind, "cs": self._seq,
                "data": events.spot_ticker(fields),
            }  # fmt: skip
        else:
            body = {"topic": self.topic, "type": kind, "data": fields, "cs": self._seq,
                    "ts": now_ms}  # fmt: skip
        return MarketMessage(self.topic, None, events.dumps(body))


class _Trades(_BybitMaker):
    """The trades of one order in one message; their ids are in its data."""

    def on_step(self, step: Step, now_ms: int) -> Iterable[MarketMessage]:
        if not step.trades:
            return ()
        data = [
            events.trade_entry(self.symbol, trade, number - len(step.trades), is_spot=self.is_spot)
            for number, trade in enumerate(step.trades)
        ]
        return (_snapshot(self.topic, data, now_ms),)


class _Klines(_BybitMaker):
    def __init__(self, stream: RawStream, symbol: SymbolHistory) -> None:
        super().__init__(stream, symbol)
        self._span_ms = INTERVALS_MS[stream.interval]
        self._candle = RunningCandle(symbol.trades, self._span_ms)

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        i, interval = self.symbol.instrument, self.stream.interval
        for candle, ended in self._candle.news(now_ms):
            entry = events.candle_entry(
                i, candle, interval, self._span_ms, ended=ended, now_ms=now_ms
            )
            body = {"topic": self.topic, "data": [entry], "ts": now_ms, "type": "snapshot"}
            if self.is_spot:
                body = {"type": body.pop("type"), **body}
            yield MarketMessage(self.topic, None, events.dumps(body))


class _Liquidations(_BybitMaker):
    """All liquidations of a period in one message."""

    def __init__(self, stream: RawStream, symbol: SymbolHistory) -> None:
        super().__init__(stream, symbol)
        self._gathered: list[dict[str, Any]] = []

    def on_step(self, step: Step, now_ms: int) -> Iterable[MarketMessage]:
        del now_ms
        if step.liquidation and step.trades:
            self._gathered.append(events.liquidation_entry(self.symbol.instrument, step.trades[-1]))
        return ()

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        if not self._gathered:
            return ()
        gathered, self._gathered = self._gathered, []
        return (_snapshot(self.topic, gathered, now_ms),)


def _snapshot(topic: str, data: list[dict[str, Any]], now_ms: int) -> MarketMessage:
    body = {"topic": topic, "type": "snapshot", "ts": now_ms, "data": data}
    return MarketMessage(topic, None, events.dumps(body))


_MAKERS: dict[str, type[_BybitMaker]] = {
    "book": OrderBook, "ticker": _Tickers, "trade": _Trades, "candle": _Klines,
    "liquidation": _Liquidations,
}  # fmt: skip

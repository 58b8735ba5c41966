"""Binance's streams, made from a generated history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.engine import StreamMaker
from feedd.embedded.integer_book import Changes
from feedd.embedded.market import MarketMessage
from feedd.embedded.trade_history import RunningCandle
from feedd.venues.binance.streams import INTERVALS_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.embedded.binance.format import Format
    from feedd.embedded.engine import SymbolHistory
    from feedd.embedded.matching import Step
    from feedd.embedded.trade_history import TradeRow
    from feedd.venues.raw_streams import RawStream


def maker(stream: RawStream, symbol: SymbolHistory, form: Format) -> StreamMaker:
    """Return a stream's maker."""
    if stream.content in {"mark", "liquidation"} and not isinstance(form, Usdm):
        raise ValueError(f"{stream.name} is a stream of futures")
    return _MAKERS[stream.content](stream, symbol, form)


class _BinanceMaker(StreamMaker):
    def __init__(self, stream: RawStream, symbol: SymbolHistory, form: Format) -> None:
        self.stream = stream
        self.name = stream.name
        self.period_ms = stream.period_ms
        self.symbol = symbol
        self.form = form


class _Quotes(_BinanceMaker):
    def on_step(self, step: Step, now_ms: int) -> Iterable[MarketMessage]:
        if not step.best_moved:
            return ()
        data = self.form.quote(step.update_id, self.symbol.best(), now_ms)
        return (MarketMessage(self.name, step.update_id, data),)


class _Trades(_BinanceMaker):
    def on_step(self, step: Step, now_ms: int) -> Iterable[MarketMessage]:
        form = self.form
        return [MarketMessage(self.name, row.id, form.trade(row, now_ms)) for row in step.trades]


class _Aggregates(_BinanceMaker):
    def __init__(self, stream: RawStream, symbol: SymbolHistory, form: Format) -> None:
        super().__init__(stream, symbol, form)
        self._sent_id = symbol.trades.aggregates[-1].id if symbol.trades.aggregates else 0

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        self.symbol.trades.close_aggregate()
        rows = self.symbol.trades.aggregates_after(self._sent_id)
        if rows:
            self._sent_id = rows[-1].id
        return [MarketMessage(self.name, row.id, self.form.aggregate(row, now_ms)) for row in rows]


class _Depth(_BinanceMaker):
    def __init__(self, stream: RawStream, symbol: SymbolHistory, form: Format) -> None:
        super().__init__(stream, symbol, form)
        self._changes = Changes(symbol.update_id)

    def on_step(self, step: Step, now_ms: int) -> Iterable[MarketMessage]:
        for side, price, size in step.changes:
            self._changes.change(side, price, size, step.update_id, now_ms)
        return ()

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        diff = self._changes.take()
        if diff is None:
            return ()
        return (MarketMessage(self.name, diff.last_id, self.form.depth(diff, now_ms)),)


class _PartialDepth(_BinanceMaker):
    def __init__(self, stream: RawStream, symbol: SymbolHistory, form: Format) -> None:
        super().__init__(stream, symbol, form)
        self._sent_id = symbol.update_id - 1

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        update_id = self.symbol.update_id
        if update_id == self._sent_id:
            return ()
        data = self.form.partial_depth(
            self.symbol.book, self.stream.levels, update_id, self._sent_id, now_ms
        )
        self._sent_id = update_id
        return (MarketMessage(self.name, update_id, data),)


class _Ticker(_BinanceMaker):
    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        data = self.form.ticker(self.symbol.trades, self.symbol.best(), now_ms)
        return () if data is None else (MarketMessage(self.name, None, data),)


class _MiniTicker(_BinanceMaker):
    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        data = self.form.mini_ticker(self.symbol.trades, now_ms)
        return () if data is None else (MarketMessage(self.name, None, data),)


class _Klines(_BinanceMaker):
    def __init__(self, stream: RawStream, symbol: SymbolHistory, form: Format) -> None:
        super().__init__(stream, symbol, form)
        self._candle = RunningCandle(symbol.trades, INTERVALS_MS[stream.interval])

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        interval = self.stream.interval
        return [
            MarketMessage(
                self.name, None, self.form.kline(candle, interval, closed=closed, now_ms=now_ms)
            )
            for candle, closed in self._candle.news(now_ms)
        ]


class _MarkPrice(_BinanceMaker):
    form: Usdm

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        return (MarketMessage(self.name, None, self.form.mark(*self.symbol.mark(), now_ms)),)


class _Liquidations(_BinanceMaker):
    """The newest liquidation of each period."""

    form: Usdm
    _newest: TradeRow | None = None

    def on_step(self, step: Step, now_ms: int) -> Iterable[MarketMessage]:
        del now_ms
        if step.liquidation and step.trades:
            self._newest = step.trades[-1]
        return ()

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        newest, self._newest = self._newest, None
        if newest is None:
            return ()
        return (MarketMessage(self.name, None, self.form.liquidation(newest, now_ms)),)


_MAKERS = {
    "quote": _Quotes, "trade": _Trades, "aggregate_trade": _Aggregates, "book": _Depth,
    "partial_book": _PartialDepth, "ticker": _Ticker, "mini_ticker": _MiniTicker,
    "candle": _Klines, "mark": _MarkPrice, "liquidation": _Liquidations,
}  # fmt: skip

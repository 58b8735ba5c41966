"""Aggregates of trades: 24 h statistics, candles, aggregated trades. Pure; times are in ms.

Prices and sizes are in the instrument's units; other modules make the exchanges' formats. Both
markets use it, so a recording's tickers are computed from its trades as a generated market's are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from feedd.embedded.instruments import Instrument

MINUTE_MS = 60_000
DAY_MS = 86_400_000
TRADES_KEPT = 10_000
AGGREGATES_KEPT = 1000


class TradeRow(NamedTuple):
    """One trade; `update_id` is the order's, or 0 if unknown."""

    id: int
    time: int
    price: int
    size: int
    buyer_is_maker: bool
    update_id: int = 0


class Aggregate(NamedTuple):
    """Consecutive trades at one price with the same taker side."""

    id: int
    time: int
    price: int
    size: int
    first_id: int
    last_id: int
    buyer_is_maker: bool


@dataclass(slots=True)
class Candle:
    """Trades of one span of time, by the exchange's clock."""

    open_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int
    taker_volume: int
    taker_turnover: int
    count: int
    first_id: int
    last_id: int


class TradeHistory:
    """The trades of one symbol, by minute for a day, and the newest ones unaggregated."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.newest: deque[TradeRow] = deque(maxlen=TRADES_KEPT)
        self.aggregates: deque[Aggregate] = deque(maxlen=AGGREGATES_KEPT)
        self._open_aggregate: list[TradeRow] = []
        self._next_aggregate = 1
        self._minutes: deque[Candle] = deque(maxlen=DAY_MS // MINUTE_MS)

    @property
    def last(self) -> TradeRow | None:
        """The newest trade."""
        return self.newest[-1] if self.newest else None

    def add(self, trade: TradeRow) -> None:
        """Add a trade; trades arrive in order."""
        self.newest.append(trade)
        if self._open_aggregate and not same_aggregate(self._open_aggregate[0], trade):
            self.close_aggregate()
        self._open_aggregate.append(trade)
        open_time = trade.time - trade.time % MINUTE_MS
        turnover = self.instrument.worth(trade.price, trade.size)
        taken, taken_turnover = (0, 0) if trade.buyer_is_maker else (trade.size, turnover)
        minute = self._minutes[-1] if self._minutes else None
        if minute is None or minute.open_time < open_time:
            self._minutes.append(
                Candle(
                    open_time,
                    trade.price,
                    trade.price,
                    trade.price,
                    trade.price,
                    trade.size,
                    turnover,
                    taken,
                    taken_turnover,
                    1,
                    trade.id,
                    trade.id,
                )
            )
        else:
            minute.high = max(minute.high, trade.price)
            minute.low = min(minute.low, trade.price)
            minute.close = trade.price
            minute.volume += trade.size
            minute.turnover += turnover
            minute.taker_volume += taken
            minute.taker_turnover += taken_turnover
            minute.count += 1
            minute.last_id = trade.id

    def close_aggregate(self) -> None:
        """Close the open aggregate, if it has any trades."""
        if self._open_aggregate:
            first, last = self._open_aggregate[0], self._open_aggregate[-1]
            size = sum(trade.size for trade in self._open_aggregate)
            self.aggregates.append(
                Aggregate(
                    self._next_aggregate, last.time, last.price, size, first.id, last.id,
                    last.buyer_is_maker,
                )
            )  # fmt: skip
            self._next_aggregate += 1
            self._open_aggregate = []

    def trades(self, limit: int, from_id: int | None = None) -> list[TradeRow]:
        """Return trades with ids from `from_id` on, or the newest; oldest first."""
        if from_id is None:
            return list(islice(self.newest, max(0, len(self.newest) - limit), None))
        start = bisect_left(self.newest, from_id, key=lambda trade: trade.id)
        return list(islice(self.newest, start, start + limit))

    def aggregates_after(self, id_: int) -> list[Aggregate]:
        """Return the aggregates after an id."""
        return [row for row in self.aggregates if row.id > id_]

    def day(self, now_ms: int) -> Candle | None:
        """Return the last 24 h as one candle, or None if nothing was traded."""
        return _merged([m for m in self._minutes if m.open_time > now_ms - DAY_MS])

    def price_at(self, at_ms: int) -> int | None:
        """Return the last price of the minutes before a time, or the first price kept."""
        for minute in reversed(self._minutes):
            if minute.open_time + MINUTE_MS <= at_ms:
                return minute.close
        return self._minutes[0].open if self._minutes else None

    def candle(self, span_ms: int, at_ms: int) -> Candle | None:
        """Return the candle of the span that contains a time, or None without trades."""
        start = at_ms - at_ms % span_ms
        within = []
        for minute in reversed(self._minutes):
            if minute.open_time < start:
                break
            if minute.open_time < start + span_ms:
                within.append(minute)
        merged = _merged(within[::-1])
        if merged is not None:
            merged.open_time = start
        return merged

    def candles(self, span_ms: int, limit: int, now_ms: int) -> list[Candle]:
        """Return the candles of the newest `limit` spans, oldest first."""
        newest = now_ms - now_ms % span_ms
        found = []
        for start in range(newest - (limit - 1) * span_ms, newest + span_ms, span_ms):
            if self._minutes and start + span_ms > self._minutes[0].open_time:
                candle = self.candle(span_ms, start)
                if candle is not None:
                    found.append(candle)
        return found


class RunningCandle:
    """Reports one span's candles as they grow: the ended one again, closed, then the open one."""

    def __init__(self, trades: TradeHistory, span_ms: int) -> None:
        self._trades = trades
        self._span_ms = span_ms
        self._reported: tuple[int, int] | None = None  # open time and last trade's id

    def news(self, now_ms: int) -> list[tuple[Candle, bool]]:
        """Return candles that changed since the last call, and whether each has ended."""
        news = []
        candle = self._trades.candle(self._span_ms, now_ms)
        if self._reported is not None and (candle is None or self._reported[0] != candle.open_time):
            ended = self._trades.candle(self._span_ms, self._reported[0])
            if ended is not None:
                news.append((ended, True))
            self._reported = None
        if candle is not None and self._reported != (candle.open_time, candle.last_id):
            self._reported = candle.open_time, candle.last_id
            news.append((candle, False))
        return news


def same_aggregate(a: TradeRow, b: TradeRow, window_ms: int = 100) -> bool:
    """Whether two consecutive trades fall into one aggTrade: same price, side and 100 ms."""
    return (
        a.price == b.price and a.buyer_is_maker == b.buyer_is_maker and b.time - a.time < window_ms
    )


def _merged(candles: list[Candle]) -> Candle | None:
    if not candles:
        return None
    first, last = candles[0], candles[-1]
    return Candle(
        first.open_time,
        first.open,
        max(c.high for c in candles),
        min(c.low for c in candles),
        last.close,
        sum(c.volume for c in candles),
        sum(c.turnover for c in candles),
        sum(c.taker_volume for c in candles),
        sum(c.taker_turnover for c in candles),
        sum(c.count for c in candles),
        first.first_id,
        last.last_id,
    )

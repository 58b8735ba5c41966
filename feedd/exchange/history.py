"""What is made of trades: 24 h statistics, candles, aggregated trades. Pure; times are in ms.

Both markets use it, so that a recording's tickers come of its trades just as a generated one's.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.exchange.streams import INTERVALS_MS

if TYPE_CHECKING:
    from feedd.exchange.instruments import Instrument

MINUTE_MS = 60_000
DAY_MS = 86_400_000
AGGREGATES_KEPT = 1000


class TradeRow(NamedTuple):
    """One trade; price and size in the instrument's units."""

    id: int
    time: int
    price: int
    size: int
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
    """The trades of one symbol, by minute for a day, and the newest as they are."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self._minutes: deque[Candle] = deque(maxlen=DAY_MS // MINUTE_MS)
        self._aggregates: deque[dict[str, Any]] = deque(maxlen=AGGREGATES_KEPT)
        self.last: TradeRow | None = None
        self.last_time = 0
        self._next_aggregate = 1

    def add(self, trade: TradeRow) -> None:
        """Take a trade; they come in order."""
        open_time = trade.time - trade.time % MINUTE_MS
        turnover = trade.price * trade.size
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
        self.last = trade
        self.last_time = trade.time

    def aggregate(self, trades: list[TradeRow]) -> dict[str, Any]:
        """Return the aggTrade of trades of one price and one taker's side."""
        first, last = trades[0], trades[-1]
        size = self.instrument.size(sum(trade.size for trade in trades))
        row = {
            "a": self._next_aggregate, "p": self.instrument.price(last.price), "q": size,
            "nq": size, "f": first.id, "l": last.id, "T": last.time, "m": last.buyer_is_maker,
        }  # fmt: skip
        self._next_aggregate += 1
        self._aggregates.append(row)
        return row

    def agg_trades(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest aggregated trades, oldest first."""
        return list(self._aggregates)[-limit:]

    def day(self, now_ms: int) -> Candle | None:
        """Return the last 24 h as one candle, or None where nothing was traded."""
        return _merged([m for m in self._minutes if m.open_time > now_ms - DAY_MS])

    def candle(self, interval: str, at_ms: int) -> Candle | None:
        """Return the candle of an interval that holds a time."""
        span = INTERVALS_MS[interval]
        start = at_ms - at_ms % span
        within = []
        for minute in reversed(self._minutes):
            if minute.open_time < start:
                break
            if minute.open_time < start + span:
                within.append(minute)
        merged = _merged(within[::-1])
        if merged is not None:
            merged.open_time = start
        return merged

    def klines(self, interval: str, limit: int, now_ms: int) -> list[list[Any]]:
        """Return candles as GET /fapi/v1/klines does."""
        span = INTERVALS_MS[interval]
        newest = now_ms - now_ms % span
        rows = []
        for start in range(newest - (limit - 1) * span, newest + span, span):
            if self._minutes and start + span > self._minutes[0].open_time:
                candle = self.candle(interval, start)
                if candle is not None:
                    rows.append(self._kline_row(candle, span))
        return rows

    def _kline_row(self, candle: Candle, span: int) -> list[Any]:
        i = self.instrument
        return [
            candle.open_time, i.price(candle.open), i.price(candle.high), i.price(candle.low),
            i.price(candle.close), i.size(candle.volume), candle.open_time + span - 1,
            i.turnover(candle.turnover), candle.count, i.size(candle.taker_volume),
            i.turnover(candle.taker_turnover), "0",
        ]  # fmt: skip

    # --- events -----------------------------------------------------------------------------

    def ticker_event(self, now_ms: int) -> str | None:
        """Return `<symbol>@ticker`'s data; futures have no b and no a in it."""
        day, last = self.day(now_ms), self.last
        if day is None or last is None:
            return None
        i = self.instrument
        change = day.close - day.open
        weighted = i.price(day.turnover // day.volume) if day.volume else i.price(day.close)
        return json.dumps(
            {
                "e": "24hrTicker", "E": now_ms, "s": i.id, "p": i.price(change),
                "P": f"{100 * change / day.open:.3f}", "w": weighted, "c": i.price(day.close),
                "Q": i.size(last.size), "o": i.price(day.open), "h": i.price(day.high),
                "l": i.price(day.low), "v": i.size(day.volume), "q": i.turnover(day.turnover),
                "O": day.open_time, "C": last.time, "F": day.first_id, "L": day.last_id,
                "n": day.count, "ps": i.id, "st": 1,
            },
            separators=(",", ":"),
        )  # fmt: skip

    def mini_ticker_event(self, now_ms: int) -> str | None:
        """Return `<symbol>@miniTicker`'s data."""
        day = self.day(now_ms)
        if day is None:
            return None
        i = self.instrument
        return json.dumps(
            {
                "e": "24hrMiniTicker", "E": now_ms, "s": i.id, "c": i.price(day.close),
                "o": i.price(day.open), "h": i.price(day.high), "l": i.price(day.low),
                "v": i.size(day.volume), "q": i.turnover(day.turnover), "ps": i.id, "st": 1,
            },
            separators=(",", ":"),
        )  # fmt: skip

    def kline_event(self, interval: str, at_ms: int, now_ms: int, closed: bool) -> str | None:
        """Return `<symbol>@kline_<interval>`'s data for the candle that holds `at_ms`."""
        candle = self.candle(interval, at_ms)
        if candle is None:
            return None
        i = self.instrument
        return json.dumps(
            {
                "e": "kline", "E": now_ms, "s": i.id,
                "k": {
                    "t": candle.open_time, "T": candle.open_time + INTERVALS_MS[interval] - 1,
                    "s": i.id, "i": interval, "f": candle.first_id, "L": candle.last_id,
                    "o": i.price(candle.open), "c": i.price(candle.close),
                    "h": i.price(candle.high), "l": i.price(candle.low),
                    "v": i.size(candle.volume), "n": candle.count, "x": closed,
                    "q": i.turnover(candle.turnover), "V": i.size(candle.taker_volume),
                    "Q": i.turnover(candle.taker_turnover), "B": "0",
                },
            },
            separators=(",", ":"),
        )  # fmt: skip

    def ticker_answer(self, now_ms: int) -> dict[str, Any] | None:
        """Return the answer to GET /fapi/v1/ticker/24hr."""
        text = self.ticker_event(now_ms)
        if text is None:
            return None
        event = json.loads(text)
        names = {
            "s": "symbol", "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice",
            "c": "lastPrice", "Q": "lastQty", "o": "openPrice", "h": "highPrice", "l": "lowPrice",
            "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId",
            "L": "lastId", "n": "count",
        }  # fmt: skip
        return {name: event[key] for key, name in names.items()}


def agg_trade_event(instrument: Instrument, row: dict[str, Any], now_ms: int) -> str:
    """Return `<symbol>@aggTrade`'s data."""
    return json.dumps(
        {"e": "aggTrade", "E": now_ms, "a": row["a"], "s": instrument.id, **row, "st": 1},
        separators=(",", ":"),
    )


def same_aggregate(a: TradeRow, b: TradeRow, window_ms: int = 100) -> bool:
    """Whether two trades in a row fall into one aggTrade: same price, side and 100 ms."""
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

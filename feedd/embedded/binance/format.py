"""Common parts of the events and answers of Binance's markets. Pure: numbers in, JSON out.

Prices and sizes are text, ids and times (ms) are numbers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from feedd.venues.binance.streams import INTERVALS_MS

if TYPE_CHECKING:
    from feedd.embedded.instruments import Instrument
    from feedd.embedded.integer_book import Diff, IntegerBook, Level
    from feedd.embedded.trade_history import Aggregate, Candle, TradeHistory, TradeRow

Best = tuple[int, int, int, int]  # bid, its size, ask, its size

_TICKER_NAMES = {
    "s": "symbol", "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice",
    "x": "prevClosePrice", "c": "lastPrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty",
    "a": "askPrice", "A": "askQty", "o": "openPrice", "h": "highPrice", "l": "lowPrice",
    "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId",
    "L": "lastId", "n": "count",
}  # fmt: skip


class Format(Protocol):
    """The events and answers of one instrument; each event is the JSON text of its data."""

    instrument: Instrument

    def trade(self, trade: TradeRow, now_ms: int) -> str:
        """Return `<symbol>@trade`'s data."""

    def quote(self, update_id: int, best: Best, now_ms: int) -> str:
        """Return `<symbol>@bookTicker`'s data."""

    def depth(self, diff: Diff, now_ms: int) -> str:
        """Return `<symbol>@depth`'s data."""

    def partial_depth(
        self, book: IntegerBook, levels: int, update_id: int, previous_id: int, now_ms: int
    ) -> str:
        """Return `<symbol>@depth<levels>`'s data: the top of the book, whole."""

    def aggregate(self, row: Aggregate, now_ms: int) -> str:
        """Return `<symbol>@aggTrade`'s data."""

    def ticker(self, trades: TradeHistory, best: Best | None, now_ms: int) -> str | None:
        """Return `<symbol>@ticker`'s data, or None before the first trade."""

    def mini_ticker(self, trades: TradeHistory, now_ms: int) -> str | None:
        """Return `<symbol>@miniTicker`'s data, or None before the first trade."""

    def kline(self, candle: Candle, interval: str, *, closed: bool, now_ms: int) -> str:
        """Return `<symbol>@kline_<interval>`'s data."""

    def depth_answer(
        self, book: IntegerBook, update_id: int, limit: int, now_ms: int
    ) -> dict[str, Any]:
        """Return the answer to GET depth."""

    def quote_answer(self, best: Best, now_ms: int) -> dict[str, Any]:
        """Return the answer to GET ticker/bookTicker."""

    def ticker_answer(self, trades: TradeHistory, best: Best, now_ms: int) -> dict[str, Any] | None:
        """Return the answer to GET ticker/24hr, or None before the first trade."""

    def kline_row(self, candle: Candle, interval: str) -> list[Any]:
        """Return a row of GET klines."""

    def trade_row(self, trade: TradeRow) -> dict[str, Any]:
        """Return a row of GET trades."""

    def aggregate_row(self, row: Aggregate) -> dict[str, Any]:
        """Return a row of GET aggTrades."""


class CommonFormat:
    """The parts that are the same on both, except for the number format."""

    def __init__(self, instrument: Instrument) -> None:
        self.id = instrument.id
        self.instrument = instrument
        self.price = instrument.price
        self.size = instrument.size
        self.turnover = instrument.turnover

    def kline(self, candle: Candle, interval: str, *, closed: bool, now_ms: int) -> str:
        """Return `<symbol>@kline_<interval>`'s data."""
        return dumps(
            {
                "e": "kline", "E": now_ms, "s": self.id,
                "k": {
                    "t": candle.open_time, "T": candle.open_time + INTERVALS_MS[interval] - 1,
                    "s": self.id, "i": interval, "f": candle.first_id, "L": candle.last_id,
                    "o": self.price(candle.open), "c": self.price(candle.close),
                    "h": self.price(candle.high), "l": self.price(candle.low),
                    "v": self.size(candle.volume), "n": candle.count, "x": closed,
                    "q": self.turnover(candle.turnover), "V": self.size(candle.taker_volume),
                    "Q": self.turnover(candle.taker_turnover), "B": "0",
                },
            }
        )  # fmt: skip

    def ticker(self, trades: TradeHistory, best: Best | None, now_ms: int) -> str | None:
        """Return `<symbol>@ticker`'s data, or None before the first trade."""
        day, last = trades.day(now_ms), trades.last
        if day is None or last is None:
            return None
        change = day.close - day.open
        mean = self.instrument.mean_price
        weighted = mean(day.turnover, day.volume) if day.volume else day.close
        return dumps(
            {
                "e": "24hrTicker", "E": now_ms, "s": self.id, "p": self.price(change),
                "P": f"{100 * change / day.open:.3f}", "w": self.price(weighted),
                "c": self.price(day.close), "Q": self.size(last.size), **self.quoted(day, best),
                "o": self.price(day.open), "h": self.price(day.high), "l": self.price(day.low),
                "v": self.size(day.volume), "q": self.turnover(day.turnover),
                "O": day.open_time, "C": last.time, "F": day.first_id, "L": day.last_id,
                "n": day.count, **self.migrated(),
            }
        )  # fmt: skip

    def mini_ticker(self, trades: TradeHistory, now_ms: int) -> str | None:
        """Return `<symbol>@miniTicker`'s data, or None before the first trade."""
        day = trades.day(now_ms)
        if day is None:
            return None
        return dumps(
            {
                "e": "24hrMiniTicker", "E": now_ms, "s": self.id, "c": self.price(day.close),
                "o": self.price(day.open), "h": self.price(day.high), "l": self.price(day.low),
                "v": self.size(day.volume), "q": self.turnover(day.turnover), **self.migrated(),
            }
        )  # fmt: skip

    def quoted(self, day: Candle, best: Best | None) -> dict[str, str]:
        """Return a ticker's book fields: none."""
        del day, best
        return {}

    def migrated(self) -> dict[str, Any]:
        """Return the fields added by the merger of the futures' systems: none."""
        return {}

    def ticker_answer(self, trades: TradeHistory, best: Best, now_ms: int) -> dict[str, Any] | None:
        """Return the answer to GET ticker/24hr, or None before the first trade."""
        text = self.ticker(trades, best, now_ms)
        if text is None:
            return None
        event = json.loads(text)
        return {name: event[key] for key, name in _TICKER_NAMES.items() if key in event}

    def kline_row(self, candle: Candle, interval: str) -> list[Any]:
        """Return a row of GET klines."""
        return [
            candle.open_time, self.price(candle.open), self.price(candle.high),
            self.price(candle.low), self.price(candle.close), self.size(candle.volume),
            candle.open_time + INTERVALS_MS[interval] - 1, self.turnover(candle.turnover),
            candle.count, self.size(candle.taker_volume), self.turnover(candle.taker_turnover),
            "0",
        ]  # fmt: skip

    def trade_row(self, trade: TradeRow) -> dict[str, Any]:
        """Return a row of GET trades."""
        return {
            "id": trade.id, "price": self.price(trade.price), "qty": self.size(trade.size),
            "quoteQty": self.turnover(self.instrument.worth(trade.price, trade.size)),
            "time": trade.time,
            "isBuyerMaker": trade.buyer_is_maker,
        }  # fmt: skip

    def levels(self, levels: list[Level]) -> str:
        """Write levels as JSON."""
        price, size = self.price, self.size
        return "[" + ",".join([f'["{price(p)}","{size(s)}"]' for p, s in levels]) + "]"

    def sides(self, book: IntegerBook, limit: int) -> dict[str, list[list[str]]]:
        """Return both sides of a book, best first."""
        return {
            f"{side}s": [[self.price(p), self.size(s)] for p, s in book.levels(side, limit)]
            for side in ("bid", "ask")
        }


def dumps(body: Any) -> str:
    """Write JSON as an exchange does, without spaces."""
    return json.dumps(body, separators=(",", ":"))

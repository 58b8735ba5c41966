"""The events and answers of Binance spot.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.embedded.binance.format import Best, CommonFormat, dumps
from feedd.embedded.instruments import decimal

if TYPE_CHECKING:
    from feedd.embedded.instruments import Instrument
    from feedd.embedded.integer_book import Diff, IntegerBook
    from feedd.embedded.trade_history import Aggregate, Candle, TradeRow

DECIMALS = 8  # of every price and size, whatever its step


class Spot(CommonFormat):
    """Events and answers of one pair."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(instrument)
        prices, sizes = instrument.price_decimals, instrument.size_decimals
        by_price, by_size = 10 ** (DECIMALS - prices), 10 ** (DECIMALS - sizes)
        by_turnover = 10 ** (DECIMALS - prices - sizes)
        self.price = lambda units: decimal(units * by_price, DECIMALS)
        self.size = lambda units: decimal(units * by_size, DECIMALS)
        self.turnover = lambda units: decimal(units * by_turnover, DECIMALS)

    def trade(self, trade: TradeRow, now_ms: int) -> str:
        """Return `<symbol>@trade`'s data."""
        return (
            f'{{"e":"trade","E":{now_ms},"s":"{self.id}","t":{trade.id},'
            f'"p":"{self.price(trade.price)}","q":"{self.size(trade.size)}","T":{trade.time},'
            f'"m":{"true" if trade.buyer_is_maker else "false"},"M":true}}'
        )

    def quote(self, update_id: int, best: Best, now_ms: int) -> str:
        """Return `<symbol>@bookTicker`'s data, which has neither a type nor a time."""
        del now_ms
        bid, bid_size, ask, ask_size = best
        price, size = self.price, self.size
        return (
            f'{{"u":{update_id},"s":"{self.id}","b":"{price(bid)}","B":"{size(bid_size)}",'
            f'"a":"{price(ask)}","A":"{size(ask_size)}"}}'
        )

    def depth(self, diff: Diff, now_ms: int) -> str:
        """Return `<symbol>@depth`'s data; `U` follows the last event's `u` by one."""
        return (
            f'{{"e":"depthUpdate","E":{now_ms},"s":"{self.id}","U":{diff.previous_id + 1},'
            f'"u":{diff.last_id},"b":{self.levels(diff.bids)},"a":{self.levels(diff.asks)}}}'
        )

    def partial_depth(
        self, book: IntegerBook, levels: int, update_id: int, previous_id: int, now_ms: int
    ) -> str:
        """Return `<symbol>@depth<levels>`'s data: the top of the book, as GET depth has it."""
        del previous_id
        return dumps(self.depth_answer(book, update_id, levels, now_ms))

    def aggregate(self, row: Aggregate, now_ms: int) -> str:
        """Return `<symbol>@aggTrade`'s data."""
        return dumps({"e": "aggTrade", "E": now_ms, "s": self.id, **self.aggregate_row(row)})

    def aggregate_row(self, row: Aggregate) -> dict[str, Any]:
        """Return a row of GET aggTrades."""
        return {
            "a": row.id, "p": self.price(row.price), "q": self.size(row.size), "f": row.first_id,
            "l": row.last_id, "T": row.time, "m": row.buyer_is_maker, "M": True,
        }  # fmt: skip

    def quoted(self, day: Candle, best: Best | None) -> dict[str, str]:
        """Return a ticker's fields of the book and of the trade before the day."""
        if best is None:
            return {}
        bid, bid_size, ask, ask_size = best
        return {"x": self.price(day.open), "b": self.price(bid), "B": self.size(bid_size),
                "a": self.price(ask), "A": self.size(ask_size)}  # fmt: skip

    def depth_answer(
        self, book: IntegerBook, update_id: int, limit: int, now_ms: int
    ) -> dict[str, Any]:
        """Return the answer to GET /api/v3/depth."""
        del now_ms
        return {"lastUpdateId": update_id, **self.sides(book, limit)}

    def quote_answer(self, best: Best, now_ms: int) -> dict[str, Any]:
        """Return the answer to GET /api/v3/ticker/bookTicker."""
        del now_ms
        bid, bid_size, ask, ask_size = best
        return {"symbol": self.id, "bidPrice": self.price(bid), "bidQty": self.size(bid_size),
                "askPrice": self.price(ask), "askQty": self.size(ask_size)}  # fmt: skip

    def trade_row(self, trade: TradeRow) -> dict[str, Any]:
        """Return a row of GET /api/v3/trades."""
        return {**super().trade_row(trade), "isBestMatch": True}

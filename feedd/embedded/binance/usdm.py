"""The events and answers of Binance USD-M, and what COIN-M shares of them.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.embedded.binance.format import Best, CommonFormat, dumps
from feedd.embedded.engine import MARK_DECIMALS, next_funding_ms
from feedd.embedded.instruments import decimal

if TYPE_CHECKING:
    from feedd.embedded.instruments import Instrument
    from feedd.embedded.integer_book import Diff, IntegerBook
    from feedd.embedded.trade_history import Aggregate, TradeRow

FUNDING_RATE = "0.00010000"


class Usdm(CommonFormat):
    """One contract's events; `st` and `ps` came with the merger of the futures' systems in 2026."""

    st = 1  # USD-M

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(instrument)
        self.pair = instrument.base + instrument.quote

    def trade(self, trade: TradeRow, now_ms: int) -> str:
        """Return `<symbol>@trade`'s data."""
        return (
            f'{{"e":"trade","E":{now_ms},"T":{trade.time},"s":"{self.id}","t":{trade.id},'
            f'"p":"{self.price(trade.price)}","q":"{self.size(trade.size)}","X":"MARKET",'
            f'"m":{"true" if trade.buyer_is_maker else "false"},"st":{self.st}}}'
        )

    def quote(self, update_id: int, best: Best, now_ms: int) -> str:
        """Return `<symbol>@bookTicker`'s data."""
        bid, bid_size, ask, ask_size = best
        price, size = self.price, self.size
        return (
            f'{{"e":"bookTicker","u":{update_id},"s":"{self.id}","ps":"{self.pair}",'
            f'"b":"{price(bid)}","B":"{size(bid_size)}","a":"{price(ask)}",'
            f'"A":"{size(ask_size)}","T":{now_ms},"E":{now_ms},"st":{self.st}}}'
        )

    def depth(self, diff: Diff, now_ms: int) -> str:
        """Return `<symbol>@depth`'s data."""
        return (
            f'{{"e":"depthUpdate","E":{now_ms},"T":{diff.time_ms},"s":"{self.id}",'
            f'"U":{diff.first_id},"u":{diff.last_id},"pu":{diff.previous_id},'
            f'"b":{self.levels(diff.bids)},"a":{self.levels(diff.asks)},'
            f'"ps":"{self.pair}","st":{self.st}}}'
        )

    def partial_depth(
        self, book: IntegerBook, levels: int, update_id: int, previous_id: int, now_ms: int
    ) -> str:
        """Return `<symbol>@depth<levels>`'s data: the top of the book, whole."""
        bids, asks = (self.levels(book.levels(side, levels)) for side in ("bid", "ask"))
        return (
            f'{{"e":"depthUpdate","E":{now_ms},"T":{now_ms},"s":"{self.id}","U":{previous_id},'
            f'"u":{update_id},"pu":{previous_id},"b":{bids},"a":{asks},"ps":"{self.pair}",'
            f'"st":{self.st}}}'
        )

    def aggregate(self, row: Aggregate, now_ms: int) -> str:
        """Return `<symbol>@aggTrade`'s data."""
        head = {"e": "aggTrade", "E": now_ms, "a": row.id, "s": self.id}
        return dumps({**head, **self.aggregate_row(row), "st": self.st})

    def aggregate_row(self, row: Aggregate) -> dict[str, Any]:
        """Return a row of GET aggTrades."""
        size = self.size(row.size)
        return {
            "a": row.id, "p": self.price(row.price), "q": size, "nq": size, "f": row.first_id,
            "l": row.last_id, "T": row.time, "m": row.buyer_is_maker,
        }  # fmt: skip

    def migrated(self) -> dict[str, Any]:
        """Return the fields added by the merger of the futures' systems."""
        return {"ps": self.pair, "st": self.st}

    def mark(self, mark: int, index: int, now_ms: int) -> str:
        """Return `<symbol>@markPrice`'s data."""
        mark_text, index_text = decimal(mark, MARK_DECIMALS), decimal(index, MARK_DECIMALS)
        return (
            f'{{"e":"markPriceUpdate","E":{now_ms},"s":"{self.id}","p":"{mark_text}",'
            f'"ap":"{mark_text}","i":"{index_text}","P":"{index_text}","r":"{FUNDING_RATE}",'
            f'"T":{next_funding_ms(now_ms)},"st":{self.st}}}'
        )

    def liquidation(self, trade: TradeRow, now_ms: int) -> str:
        """Return `<symbol>@forceOrder`'s data; `S` is the side of the liquidation's order."""
        price, size = self.price(trade.price), self.size(trade.size)
        side = "SELL" if trade.buyer_is_maker else "BUY"
        return (
            f'{{"e":"forceOrder","E":{now_ms},"o":{{"s":"{self.id}","S":"{side}","o":"LIMIT",'
            f'"f":"IOC","q":"{size}","p":"{price}","ap":"{price}","X":"FILLED","l":"{size}",'
            f'"z":"{size}","T":{trade.time}}}}}'
        )

    def depth_answer(
        self, book: IntegerBook, update_id: int, limit: int, now_ms: int
    ) -> dict[str, Any]:
        """Return the answer to GET /fapi/v1/depth."""
        return {"lastUpdateId": update_id, "E": now_ms, "T": now_ms, **self.sides(book, limit)}

    def quote_answer(self, best: Best, now_ms: int) -> dict[str, Any]:
        """Return the answer to GET /fapi/v1/ticker/bookTicker."""
        bid, bid_size, ask, ask_size = best
        return {"symbol": self.id, "bidPrice": self.price(bid), "bidQty": self.size(bid_size),
                "askPrice": self.price(ask), "askQty": self.size(ask_size),
                "time": now_ms}  # fmt: skip

    def premium_answer(self, mark: int, index: int, now_ms: int) -> dict[str, Any]:
        """Return the answer to GET /fapi/v1/premiumIndex."""
        index_text = decimal(index, MARK_DECIMALS)
        return {
            "symbol": self.id, "markPrice": decimal(mark, MARK_DECIMALS),
            "indexPrice": index_text, "estimatedSettlePrice": index_text,
            "lastFundingRate": FUNDING_RATE, "interestRate": "0.00010000",
            "nextFundingTime": next_funding_ms(now_ms), "time": now_ms,
        }  # fmt: skip

"""The events and answers of Binance COIN-M: those of USD-M, with the contract's pair.

https://developers.binance.com/docs/derivatives/coin-margined-futures/websocket-market-streams
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.embedded.binance.usdm import FUNDING_RATE, Usdm
from feedd.embedded.engine import MARK_DECIMALS, next_funding_ms
from feedd.embedded.instruments import decimal

if TYPE_CHECKING:
    from feedd.embedded.binance.format import Best
    from feedd.embedded.integer_book import IntegerBook
    from feedd.embedded.trade_history import TradeHistory, TradeRow

CONTRACT_USD = {"BTC": 100}  # what a contract is worth; of all others, 10


class Coinm(Usdm):
    """One contract's events; sizes count contracts, and `q` of a ticker the base currency."""

    st = 2

    def mark(self, mark: int, index: int, now_ms: int) -> str:
        """Return `<symbol>@markPrice`'s data, which has no index price."""
        return (
            f'{{"e":"markPriceUpdate","E":{now_ms},"s":"{self.id}",'
            f'"p":"{decimal(mark, MARK_DECIMALS)}","P":"{decimal(index, MARK_DECIMALS)}",'
            f'"r":"{FUNDING_RATE}","T":{next_funding_ms(now_ms)},"st":{self.st}}}'
        )

    def liquidation(self, trade: TradeRow, now_ms: int) -> str:
        """Return `<symbol>@forceOrder`'s data."""
        text = super().liquidation(trade, now_ms)
        return text.replace('","S":"', f'","ps":"{self.pair}","S":"', 1)

    def depth_answer(
        self, book: IntegerBook, update_id: int, limit: int, now_ms: int
    ) -> dict[str, Any]:
        """Return the answer to GET /dapi/v1/depth."""
        return {
            "lastUpdateId": update_id, "E": now_ms, "T": now_ms, "symbol": self.id,
            "pair": self.pair, **self.sides(book, limit),
        }  # fmt: skip

    def quote_answer(self, best: Best, now_ms: int) -> dict[str, Any]:
        """Return an entry of the answer to GET /dapi/v1/ticker/bookTicker."""
        return {**super().quote_answer(best, now_ms), "pair": self.pair}

    def ticker_answer(self, trades: TradeHistory, best: Best, now_ms: int) -> dict[str, Any] | None:
        """Return an entry of the answer to GET /dapi/v1/ticker/24hr."""
        answer = super().ticker_answer(trades, best, now_ms)
        if answer is None:
            return None
        answer["baseVolume"] = answer.pop("quoteVolume")
        return {**answer, "pair": self.pair}

    def premium_answer(self, mark: int, index: int, now_ms: int) -> dict[str, Any]:
        """Return an entry of the answer to GET /dapi/v1/premiumIndex."""
        return {**super().premium_answer(mark, index, now_ms), "pair": self.pair}

    def trade_row(self, trade: TradeRow) -> dict[str, Any]:
        """Return a row of GET /dapi/v1/trades."""
        row = super().trade_row(trade)
        row["baseQty"] = row.pop("quoteQty")
        return row


def contract_usd(base: str) -> int:
    """Return what a contract is worth in USD."""
    return CONTRACT_USD.get(base, 10)

"""What is asked of an exchange when its stream has left something out: snapshots and trades."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from feedd.books.diff import SNAPSHOT_LEVELS
from feedd.venues.dialects import market_type
from feedd.venues.raw_messages import binance_rest_trade

if TYPE_CHECKING:
    from feedd.model import Trade
    from feedd.sources.ccxt.error_translation import Translator
    from feedd.sources.trade_sequence import MissingTrades
    from feedd.venues.dialects import Dialect

PAGE = 1000  # trades, the most that a page has
_REST = {"spot": "public", "linear": "fapiPublic", "inverse": "dapiPublic"}  # of Binance


class Requests:
    """Asks through ccxt, which keeps to the exchange's limits."""

    def __init__(
        self,
        exchange: Any,
        name: str,
        symbol: str,
        ways: Dialect,
        translated: Translator,
        *,
        book_depth: int,
        with_key: bool,
    ) -> None:
        self._exchange = exchange
        self._id = name
        self._symbol = symbol
        self._market_type = market_type(symbol)
        self._dialect = ways
        self._translated = translated
        self._book_depth = book_depth
        self._with_key = with_key

    async def renew_book(self, client: Any) -> Any:
        """Ask for a new snapshot, over REST or by subscribing anew; raises FeeddError."""
        exchange = self._exchange
        try:
            market_id = exchange.market(self._symbol)["id"]
            if self._dialect.snapshot_by_rest:
                page = getattr(exchange, f"{_REST[self._market_type]}GetDepth")
                return await page({"symbol": market_id, "limit": SNAPSHOT_LEVELS})
            topic = f"orderbook.{self._dialect.book_limit(self._book_depth)}.{market_id}"
            for operation in ("unsubscribe", "subscribe"):
                await client.send(
                    {"op": operation, "req_id": str(exchange.request_id()), "args": [topic]}
                )
        except Exception as error:
            raise self._translated(error) from error
        return None

    async def fetch_trades(self, hole: MissingTrades) -> list[tuple[int, Trade | None]]:
        """Return trades of a hole, as far as one page goes; raises FeeddError.

        Without a key there are the newest trades only.
        """
        exchange, prefix = self._exchange, _REST[self._market_type]
        name = "GetHistoricalTrades" if self._with_key else "GetTrades"  # ccxt: on spot too
        try:
            request: dict[str, Any] = {"symbol": exchange.market(self._symbol)["id"], "limit": PAGE}
            if self._with_key:
                request["fromId"] = hole.from_id + 1
            rows = await getattr(exchange, prefix + name)(request)
            now_ns = time.time_ns()
            return [
                (int(row["id"]), binance_rest_trade(row, self._id, self._symbol, now_ns))
                for row in rows
            ]
        except Exception as error:
            raise self._translated(error) from error

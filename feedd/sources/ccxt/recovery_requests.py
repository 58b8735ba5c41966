"""Requests that recover from gaps in the stream: book snapshots and missed trades."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from feedd.errors import SourceError
from feedd.venues.contract import RequestedSnapshot
from feedd.venues.registry import market_type_on

if TYPE_CHECKING:
    from feedd.books.depth import Snapshot
    from feedd.model import Trade
    from feedd.sources.ccxt.error_translation import Translator
    from feedd.sources.trade_sequence import MissingTrades
    from feedd.venues.contract import Venue


class RecoveryRequests:
    """Sends them through ccxt, which keeps to the exchange's limits."""

    def __init__(
        self,
        exchange: Any,
        name: str,
        symbol: str,
        venue: Venue,
        translated: Translator,
        *,
        book_depth: int,
        with_key: bool,
    ) -> None:
        self._exchange = exchange
        self._id = name
        self._symbol = symbol
        self._market_type = market_type_on(name, symbol)
        self._venue = venue
        self._translated = translated
        self._book_depth = book_depth
        self._with_key = with_key

    async def renew_book(self, client: Any) -> Snapshot | None:
        """Request a snapshot over REST, or by subscribing again, and then return None.

        Raises FeeddError.
        """
        book = self._venue.book
        if book is None:
            return None
        exchange = self._exchange
        try:
            market_id = exchange.market(self._symbol)["id"]
            if isinstance(book.snapshot, RequestedSnapshot):
                method, params = book.snapshot.request(self._market_type, market_id)
                answer = await getattr(exchange, method)(params)
            else:
                for message in book.snapshot.resubscribe(
                    market_id, book.limit(self._book_depth), lambda: str(exchange.request_id())
                ):
                    await client.send(message)
                return None
        except Exception as error:
            raise self._translated(error) from error
        try:
            return book.snapshot.parse(answer)
        except ValueError as error:
            raise SourceError(str(error)) from None

    async def fetch_trades(self, gap: MissingTrades) -> list[tuple[int, Trade | None]]:
        """Return trades of a gap, as many as one page holds; raises FeeddError.

        Without a key there are the newest trades only.
        """
        exchange, trades = self._exchange, self._venue.trades
        if trades is None:
            return []
        try:
            market_id = exchange.market(self._symbol)["id"]
            method, params = trades.request(
                self._market_type, market_id, gap.from_id + 1, self._with_key
            )
            rows = await getattr(exchange, method)(params)
            now_ns = time.time_ns()
            return [trades.parse(row, self._id, self._symbol, now_ns) for row in rows]
        except Exception as error:
            raise self._translated(error) from error

"""Requests beside the stream: book snapshots and missed trades after gaps, pages to compare."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from feedd.books.comparison import Page
from feedd.books.levels import levels
from feedd.errors import SourceError
from feedd.venues.contract import RequestedSnapshot, StreamedSnapshot
from feedd.venues.registry import market_type_on

if TYPE_CHECKING:
    from feedd.books.depth import Snapshot
    from feedd.model import Trade
    from feedd.sources.ccxt.error_translation import Translator
    from feedd.sources.ccxt.tap import Tap
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

    async def renew_book(self, tap: Tap | None) -> Snapshot | None:
        """Request a snapshot over REST, or in the stream of a connection, and then return None.

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
            elif tap is not None:
                await self._request_in_stream(tap, market_id)
                return None
            else:
                return None  # its connection was just lost, which is reported as such
        except Exception as error:
            raise self._translated(error) from error
        try:
            return book.snapshot.parse(answer)
        except ValueError as error:
            raise SourceError(str(error)) from None

    async def _request_in_stream(self, tap: Tap, market_id: str) -> None:
        book, messages = self._venue.book, self._venue.resubscribe
        if book is None or not isinstance(book.snapshot, StreamedSnapshot):
            return
        request, limit = book.snapshot.request, book.limit(self._book_depth)
        if request is not None:
            for message in request(market_id, limit, lambda: str(self._exchange.request_id())):
                await tap.client.send(message)
        elif messages is not None:
            await tap.resubscribe("book", messages)

    async def fetch_book(self) -> Page:
        """Return as many levels as a page of the exchange has by default; raises FeeddError."""
        try:
            answer = await self._exchange.fetch_order_book(self._symbol)
            bids, asks = (levels([row[:2] for row in answer[side]]) for side in ("bids", "asks"))
        except Exception as error:
            raise self._translated(error) from error
        return Page(bids, asks)

    async def fetch_trades(
        self, gap: MissingTrades, tap: Tap | None = None
    ) -> list[tuple[int, Trade | None]]:
        """Return trades of a gap, as many as one page holds; raises FeeddError.

        Without a key there are the newest trades only. Where the venue has no page, let the stream
        of a connection bring them, and return none.
        """
        exchange, trades = self._exchange, self._venue.trades
        if trades is None:
            return []
        if trades.request is None or trades.parse is None:
            if tap is not None and self._venue.resubscribe is not None:
                await tap.resubscribe("trade", self._venue.resubscribe)
            return []
        try:
            market_id = exchange.market(self._symbol)["id"]
            method, params = trades.request(
                self._market_type, market_id, gap.from_id + 1, self._with_key
            )
            answer = await getattr(exchange, method)(params)
            rows = answer if trades.rows is None else trades.rows(answer)
            now_ns = time.time_ns()
            return [trades.parse(row, self._id, self._symbol, now_ns) for row in rows]
        except Exception as error:
            raise self._translated(error) from error

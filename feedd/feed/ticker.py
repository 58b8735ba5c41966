"""Tickers from a 24 h summary and a best bid and ask that the exchange sends separately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.clock import NS_PER_S
from feedd.prices import difference, without_noise

if TYPE_CHECKING:
    from feedd.model import BidAsk, Book, Quote, Ticker

TOP_STALE_AFTER_NS = 30 * NS_PER_S  # bid and ask of an older quote or book count as unknown
HALF_A_BASIS_POINT = 0.00005


class TickerMaker:
    """Joins the newest summary and the newest quote; never waits for either.

    With `quote` or `book`, every change of either side makes a ticker once there was a summary,
    and a bid and ask older than `stale_after_ns` count as unknown. With `ticker` they are those of
    the exchange's own summary. With `estimate`, bid and ask are the last price less and plus half a
    basis point; with `none` they are None.

    The ticker returned is the same object each time: publish it before the next call.
    """

    def __init__(self, bid_ask: BidAsk, stale_after_ns: int) -> None:
        self._bid_ask: BidAsk = bid_ask
        self._stale_after_ns = stale_after_ns
        self._ticker: Ticker | None = None
        self._bid: float | None = None
        self._ask: float | None = None
        self._top_ns: int | None = None  # when bid and ask were received

    @property
    def needs(self) -> str | None:
        """The channel that must be subscribed to for bid and ask."""
        return self._bid_ask if self._bid_ask in {"quote", "book"} else None

    def on_summary(self, ticker: Ticker) -> Ticker:
        """Take a new 24 h summary and return the ticker made from it."""
        self._ticker = ticker
        ticker.bid_ask = self._bid_ask
        if self._bid_ask == "estimate" and ticker.last is not None:
            ticker.bid = without_noise(ticker.last * (1 - HALF_A_BASIS_POINT))
            ticker.ask = without_noise(ticker.last * (1 + HALF_A_BASIS_POINT))
        elif self._bid_ask != "ticker":
            ticker.bid = ticker.ask = None
            top_ns = self._top_ns
            # Below zero where the clock stepped back, or the ticker was held back by a merge.
            if top_ns is not None and abs(ticker.received_ns - top_ns) <= self._stale_after_ns:
                ticker.bid, ticker.ask = self._bid, self._ask
        _set_spread(ticker)
        return ticker

    def on_quote(self, quote: Quote) -> Ticker | None:
        """Take a new quote; return the ticker made from it if there is a summary."""
        if self._bid_ask != "quote":
            return None
        return self._on_top(quote.bid, quote.ask, quote.received_ns)

    def on_book(self, book: Book) -> Ticker | None:
        """Take a new book; return the ticker made from it if there is a summary."""
        if self._bid_ask != "book":
            return None
        bid = book.bids[0][0] if book.bids else None
        ask = book.asks[0][0] if book.asks else None
        return self._on_top(bid, ask, book.received_ns)

    def forget(self, channel: str) -> None:
        """Treat what a channel brought as unknown: it is lost or in doubt.

        Without a summary no ticker is made until the next one.
        """
        if channel == "ticker":
            self._ticker = None
        if channel == self._bid_ask:
            self._bid = self._ask = self._top_ns = None

    def _on_top(self, bid: float | None, ask: float | None, received_ns: int) -> Ticker | None:
        self._bid, self._ask, self._top_ns = bid, ask, received_ns
        ticker = self._ticker
        if ticker is None or (ticker.bid == bid and ticker.ask == ask):
            return None
        ticker.received_ns = received_ns
        ticker.bid, ticker.ask = bid, ask
        _set_spread(ticker)
        return ticker


def _set_spread(ticker: Ticker) -> None:
    if ticker.bid is None or ticker.ask is None:
        ticker.spread = None
    else:
        ticker.spread = difference(ticker.ask, ticker.bid)

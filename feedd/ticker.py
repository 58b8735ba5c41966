"""The ticker of an exchange that sends its 24 h summary and its best bid and ask apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.model import BidAsk, Quote, Ticker

HALF_A_BASIS_POINT = 0.00005
PRICE_DECIMALS = 10  # finer than any tick size, coarser than float64's noise in a difference


class TickerMaker:
    """Joins the newest summary and the newest quote; never waits for either.

    With `quote`, every change of either side makes a ticker once there was a summary, and a quote
    older than `stale_after_ns` counts as unknown. With `estimate`, bid and ask are the last price
    less and plus half a basis point; with `none` they are None.

    The ticker returned is the same object each time: publish it before the next call.
    """

    def __init__(self, bid_ask: BidAsk, stale_after_ns: int) -> None:
        self._bid_ask: BidAsk = bid_ask
        self._stale_after_ns = stale_after_ns
        self._ticker: Ticker | None = None
        self._quote: Quote | None = None

    @property
    def needs_quotes(self) -> bool:
        """Whether the quote channel must be subscribed to for it."""
        return self._bid_ask == "quote"

    def on_summary(self, ticker: Ticker) -> Ticker:
        """Take a new 24 h summary and return the ticker that it makes."""
        self._ticker = ticker
        ticker.bid_ask = self._bid_ask
        if self._bid_ask == "estimate" and ticker.last is not None:
            ticker.bid = ticker.last * (1 - HALF_A_BASIS_POINT)
            ticker.ask = ticker.last * (1 + HALF_A_BASIS_POINT)
        else:
            ticker.bid = ticker.ask = None
            if self._bid_ask == "quote" and (quote := self._quote) is not None:
                self._join(ticker, quote)
        _set_spread(ticker)
        return ticker

    def on_quote(self, quote: Quote) -> Ticker | None:
        """Take a new quote and return the ticker that it makes, if there is a summary yet."""
        self._quote = quote
        ticker = self._ticker
        if ticker is None or self._bid_ask != "quote":
            return None
        if ticker.bid == quote.bid and ticker.ask == quote.ask:
            return None
        ticker.received_ns = quote.received_ns
        ticker.bid, ticker.ask = quote.bid, quote.ask
        _set_spread(ticker)
        return ticker

    def _join(self, ticker: Ticker, quote: Quote) -> None:
        if ticker.received_ns - quote.received_ns <= self._stale_after_ns:
            ticker.bid, ticker.ask = quote.bid, quote.ask


def _set_spread(ticker: Ticker) -> None:
    if ticker.bid is None or ticker.ask is None:
        ticker.spread = None
    else:
        ticker.spread = round(ticker.ask - ticker.bid, PRICE_DECIMALS)

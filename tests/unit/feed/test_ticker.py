"""Tickers joined of summaries and quotes."""

import pytest

from feedd.feed.ticker import TickerMaker
from feedd.model import BidAsk, Book, Quote, Ticker

S = 1_000_000_000


def summary(received_ns: int = 0, last: float | None = 100.0) -> Ticker:
    return Ticker(
        symbol="BTC/USDT:USDT", timestamp=1, datetime="", bid=None, ask=None, last=last,
        volume=None, high=None, low=None, change_percent=None, spread=None, bid_ask="none",
        exchange="binanceusdm", received_ns=received_ns,
    )  # fmt: skip


def quote(bid: float | None, ask: float | None, received_ns: int = 0) -> Quote:
    return Quote("BTC/USDT:USDT", 2, bid, 1.0, ask, 1.0, "binanceusdm", received_ns)


def test_a_summary_takes_the_newest_quote() -> None:
    maker = TickerMaker("quote", 30 * S)
    assert maker.on_quote(quote(61800.2, 61800.3)) is None
    ticker = maker.on_summary(summary())
    assert (ticker.bid, ticker.ask, ticker.spread) == (61800.2, 61800.3, 0.1)
    assert ticker.bid_ask == "quote"


def test_a_summary_does_not_wait_for_a_quote() -> None:
    ticker = TickerMaker("quote", 30 * S).on_summary(summary())
    assert (ticker.bid, ticker.ask, ticker.spread) == (None, None, None)


def test_a_quote_that_moves_makes_a_ticker_at_once_with_the_summarys_time() -> None:
    maker = TickerMaker("quote", 30 * S)
    maker.on_summary(summary())
    ticker = maker.on_quote(quote(99.0, 101.0, received_ns=5))
    assert ticker is not None
    assert (ticker.bid, ticker.ask, ticker.timestamp, ticker.received_ns) == (99.0, 101.0, 1, 5)
    assert maker.on_quote(quote(99.0, 101.0)) is None


def test_an_old_quote_is_unknown_and_not_old() -> None:
    maker = TickerMaker("quote", 30 * S)
    maker.on_quote(quote(99.0, 101.0, received_ns=0))
    assert maker.on_summary(summary(received_ns=31 * S)).bid is None


@pytest.mark.parametrize(
    ("bid_ask", "bid", "ask"), [("estimate", 99.995, 100.005), ("none", None, None)]
)
def test_nothing_is_invented_unless_asked_for(
    bid_ask: BidAsk, bid: float | None, ask: float | None
) -> None:
    maker = TickerMaker(bid_ask, 30 * S)
    maker.on_quote(quote(1.0, 2.0))
    ticker = maker.on_summary(summary())
    assert ticker.bid == pytest.approx(bid)
    assert ticker.ask == pytest.approx(ask)
    assert ticker.bid_ask == bid_ask
    assert maker.on_quote(quote(1.5, 2.0)) is None


def test_without_a_last_price_nothing_is_estimated() -> None:
    assert TickerMaker("estimate", 30 * S).on_summary(summary(last=None)).bid is None


def test_bid_and_ask_of_the_book_make_a_ticker_when_either_moves() -> None:
    maker = TickerMaker("book", 30)
    book = Book("S", 1, [(9.0, 1.0)], [(10.0, 2.0)], "x", 5)
    assert maker.needs == "book"
    assert maker.on_book(book) is None  # there is no summary yet
    ticker = maker.on_summary(summary())
    assert (ticker.bid, ticker.ask, ticker.spread, ticker.bid_ask) == (9.0, 10.0, 1.0, "book")
    moved = maker.on_book(Book("S", 2, [(9.5, 1.0)], [(10.0, 2.0)], "x", 6))
    assert moved is not None
    assert (moved.bid, moved.received_ns) == (9.5, 6)


def test_bid_and_ask_of_a_channel_in_doubt_are_nil() -> None:
    maker = TickerMaker("book", 30)
    maker.on_book(Book("S", 1, [(9.0, 1.0)], [(10.0, 2.0)], "x", 5))
    maker.forget("quote")
    assert maker.on_summary(summary()).bid == 9.0
    maker.forget("book")
    ticker = maker.on_summary(summary())
    assert (ticker.bid, ticker.ask, ticker.spread) == (None, None, None)


def test_the_spread_of_tiny_prices_is_not_0() -> None:
    maker = TickerMaker("quote", 30 * S)
    maker.on_quote(quote(1.2345e-09, 1.2349e-09))
    assert maker.on_summary(summary()).spread == 4e-13


def test_estimated_bid_and_ask_of_a_tiny_price_differ_and_have_no_noise() -> None:
    ticker = TickerMaker("estimate", 30 * S).on_summary(summary(last=1.2346e-09))
    assert (ticker.bid, ticker.ask) == (1.23453827e-09, 1.23466173e-09)
    assert ticker.spread == 1.2346e-13


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_quote_from_before_a_step_of_the_clock_is_unknown(step_s: int) -> None:
    maker = TickerMaker("quote", 30 * S)
    maker.on_quote(quote(99.0, 101.0, received_ns=10_000 * S))
    assert maker.on_summary(summary((10_000 + step_s) * S)).bid is None
    assert maker.on_summary(summary(9_999 * S)).bid == 99.0  # a merge held the summary back


def test_the_tickers_own_bid_and_ask_are_kept_whatever_quotes_and_books_are() -> None:
    maker = TickerMaker("ticker", 30 * S)
    assert maker.needs is None
    assert maker.on_quote(quote(1.0, 2.0)) is None
    own = summary()
    own.bid, own.ask = 99.9, 100.2
    ticker = maker.on_summary(own)
    assert (ticker.bid, ticker.ask, ticker.spread, ticker.bid_ask) == (99.9, 100.2, 0.3, "ticker")
    assert maker.on_quote(quote(1.0, 2.0)) is None
    one_sided = summary()
    one_sided.bid = 99.9
    assert maker.on_summary(one_sided).spread is None


def test_after_the_loss_of_the_ticker_no_quote_makes_one_of_the_old_summary() -> None:
    maker = TickerMaker("quote", 30 * S)
    maker.on_summary(summary())
    maker.on_quote(quote(1.0, 2.0))
    maker.forget("ticker")
    assert maker.on_quote(quote(3.0, 4.0)) is None
    assert maker.on_summary(summary()).bid == 3.0

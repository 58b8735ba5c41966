"""Prices and events of `feedd top` from the client's stream."""

from __future__ import annotations

from top_samples import EXCHANGE, channel, feed

from feedd.client.events import Gap, Quote, StateChange, Ticker, Trade, UpstreamGap
from feedd.operation.top.prices import MAX_ENTRIES, PriceBoard, prefixes

SYMBOL = "BTC/USDT"
KEY = f"{EXCHANGE}.{SYMBOL}."
S = 1_000_000_000


def ticker(last: float | None, **other: object) -> Ticker:
    return Ticker(
        **{
            "symbol": SYMBOL,
            "timestamp": None,
            "datetime": None,
            "bid": None,
            "ask": None,
            "last": last,
            "volume": None,
            "high": None,
            "low": None,
            "change_percent": None,
            "spread": None,
            "bid_ask": "none",
            "exchange": EXCHANGE,
            "received_ns": 50 * S,
            **other,
        }
    )


def quote(bid: float, ask: float) -> Quote:
    return Quote(symbol=SYMBOL, timestamp=None, bid=bid, bid_size=1.0, ask=ask, ask_size=1.0,
                 exchange=EXCHANGE, received_ns=50 * S)  # fmt: skip


def test_last_bid_and_ask_are_the_newest_of_any_channel() -> None:
    board = PriceBoard()
    board.take(ticker(5.0), 1.0, 50 * S)
    board.take(quote(4.0, 6.0), 2.0, 51 * S)
    trade = Trade(symbol=SYMBOL, timestamp=None, price=5.5, size=1.0, side=None, exchange=EXCHANGE,
                  received_ns=52 * S)  # fmt: skip
    board.take(trade, 3.0, 52 * S)
    assert board.prices[KEY] == (5.5, 4.0, 6.0, 3.0)


def test_a_snapshot_is_as_old_as_its_receipt() -> None:
    board = PriceBoard()
    board.take(ticker(5.0, origin="snapshot"), 100.0, 80 * S)
    assert board.prices[KEY].at_s == 70.0


def test_gaps_and_states_are_in_the_journal_and_it_is_bounded() -> None:
    board = PriceBoard()
    board.take(Gap(f"trade.{KEY}", 1, 5, 9, "lost"), 0.0, S)
    board.take(UpstreamGap(KEY, "trade", 1, 9, "reset"), 0.0, 2 * S)
    board.take(StateChange(KEY, "stale", "silent"), 0.0, 3 * S)
    kinds = [entry.kind for entry in board.journal.newest(10, feed=KEY)]
    assert kinds == ["state", "upstream_gap", "gap"]
    for _ in range(MAX_ENTRIES + 5):
        board.take(StateChange(KEY, "live", None), 0.0, 4 * S)
    assert len(list(board.journal.newest(2 * MAX_ENTRIES))) == MAX_ENTRIES


def test_a_state_of_the_stream_is_reported_until_it_is_well() -> None:
    board = PriceBoard()
    board.take(StateChange("", "no_endpoint", "nothing answers"), 0.0, S)
    assert board.stream == "no_endpoint: nothing answers"
    board.take(StateChange("", "endpoint", "it answers"), 0.0, S)
    assert board.stream is None


def test_trades_and_books_are_followed_only_of_feeds_without_tickers_and_quotes() -> None:
    usual = feed(SYMBOL)
    trades = feed("ETH/USDT", channels={"trade": channel(), "book": channel()})
    assert prefixes([usual]) == {"status.", "ticker.", "quote."}
    assert prefixes([usual, trades]) - prefixes([usual]) == {
        f"trade.{EXCHANGE}.ETH/USDT.", f"book.{EXCHANGE}.ETH/USDT.",
    }  # fmt: skip

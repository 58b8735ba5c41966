"""Before a start, the channels in which a lost message would not show are named once."""

from __future__ import annotations

from feedd.config.settings import Config, SymbolEntry
from feedd.operation.check_notices import check_notices

CHANNELS = ("quote", "trade", "book")


def notices(
    *symbols: str | SymbolEntry,
    exchange: str = "binanceusdm",
    channels: tuple[str, ...] = CHANNELS,
    compare_books_every_s: float = 60.0,
) -> list[str]:
    config = Config(
        exchange=exchange,
        channels=channels,
        symbols=symbols,
        compare_books_every_s=compare_books_every_s,
    )
    return check_notices(config, config.feeds(), {})


def test_a_checked_feed_has_no_notice_through_either_source() -> None:
    assert notices("BTC/USDT", SymbolEntry("ETH/USDT", source="native")) == []


def test_symbols_with_the_same_unchecked_channels_share_one_line() -> None:
    (notice,) = notices("BTC/USDT:USDT", "ETH/USDT:USDT", exchange="phemex")
    assert notice == (
        "phemex quote, trade, book: unchecked (feedd has no rules for phemex: a lost message does "
        "not show; the book is compared with a REST snapshot every 60 s)"
    )
    (notice,) = notices("BTC/USDT:USDT", exchange="phemex", compare_books_every_s=0)
    assert "compared" not in notice


def test_a_book_of_fewer_levels_than_wanted_has_a_line() -> None:
    (notice,) = notices("BTC/USD", exchange="kraken")
    assert notice == (
        "kraken book: 10 levels instead of 20 (book_depth): its checksum covers 10, and a change "
        "lost behind them would not show"
    )
    assert notices("BTC/USD", exchange="kraken", channels=("trade",)) == []


def test_a_replay_has_no_notice() -> None:
    assert notices(SymbolEntry("BTC/USDT", exchange="phemex", source="replay")) == []


def test_a_missing_origin_of_bid_and_ask_has_a_line() -> None:
    origin, *_ = notices("BTC/USDT:USDT", exchange="phemex", channels=("ticker",))
    assert origin == (
        "phemex (linear) has no quotes of its own: its tickers keep their own bid and ask "
        "(bid_ask: ticker)"
    )

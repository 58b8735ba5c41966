"""The table of venues, beside the venues' own modules."""

from __future__ import annotations

import pytest

from feedd.errors import ConfigError
from feedd.venues.native import native_market
from feedd.venues.registry import (
    FOLDER_OF,
    NATIVE,
    VENUES,
    likely_symbol,
    market_type_on,
    venue,
    venue_module,
    venue_modules,
)

SYMBOL = "BTC/USDT:USDT"


@pytest.mark.parametrize("exchange", FOLDER_OF)
def test_the_native_source_serves_the_exchanges_that_the_table_names(exchange: str) -> None:
    if exchange in NATIVE:
        assert native_market(exchange, SYMBOL).listing
    else:
        with pytest.raises(ConfigError, match="Use ccxt"):
            native_market(exchange, SYMBOL)


def test_every_native_module_serves_an_exchange() -> None:
    serving = {venue_module(exchange, "native") for exchange in NATIVE}
    assert None not in serving
    assert serving == set(venue_modules("native"))


@pytest.mark.parametrize("folder", VENUES)
def test_all_exchanges_of_a_folder_have_its_description(folder: str) -> None:
    first, *others = (venue(exchange, SYMBOL) for exchange in VENUES[folder])
    assert first.limits
    assert all(other.limits == first.limits for other in others)


def test_an_exchange_without_a_folder_is_checked_by_nothing() -> None:
    assert venue("poloniex", SYMBOL).checked == {}


@pytest.mark.parametrize(
    ("exchange", "text", "likely"),
    [
        ("binanceusdm", "BTCUSDT", "BTC/USDT:USDT"),
        ("binance", "btcusdt", "BTC/USDT"),
        ("binance", "ETH-BTC", "ETH/BTC"),
        ("bybit", "XRP", "XRP/USDT"),
        ("binance", "BTC/USDT:BTC", "BTC/USDT:USDT"),
        ("binance", "BTC/USD:BTC", None),
        ("binance", "BTC/USDT", None),
        ("binance", "???", None),
    ],
)
def test_a_text_without_a_list_has_one_likely_symbol_or_none(
    exchange: str, text: str, likely: str | None
) -> None:
    assert likely_symbol(exchange, text) == likely


@pytest.mark.parametrize(
    ("exchange", "symbol", "of"),
    [
        ("binanceusdm", "BTCUSDT", "linear"),
        ("binanceusdm", "BTC/USD:BTC", "linear"),
        ("binancecoinm", "BTC/USDT", "inverse"),
        ("binance", "BTC/USDT", "spot"),
        ("bybit", "BTC/USDT:USDT", "linear"),
    ],
)
def test_an_exchange_of_one_type_of_market_is_not_asked_for_another(
    exchange: str, symbol: str, of: str
) -> None:
    assert market_type_on(exchange, symbol) == of


@pytest.mark.parametrize(
    ("exchange", "symbol", "at_most"),
    [("htx", SYMBOL, 150), ("gate", SYMBOL, 100), ("gate", "BTC/USDT", 400),
     ("kraken", "BTC/USD", 10), ("bybit", SYMBOL, 500), ("okx", SYMBOL, 500)],
)  # fmt: skip
def test_no_more_levels_are_published_than_are_subscribed_to(
    exchange: str, symbol: str, at_most: int
) -> None:
    book = venue(exchange, symbol).book
    assert book is not None
    assert (book.depth(500), book.depth(5)) == (at_most, 5)

"""Mistyped symbols are answered with the listed ones that they probably mean."""

from __future__ import annotations

import pytest

from feedd.errors import UnknownSymbolError
from feedd.sources.error_texts import check_form, nearest_symbols, unknown_symbol_text

LISTED = [
    "BTC/USDT:USDT", "BTC/USDT:USDT-261225", "BTC/USDC:USDC", "BTCDOM/USDT:USDT", "ETH/USDT:USDT",
    "ETH/BTC", "XRP/TRY", "XRP/USDC", "XRP/USDT", "1000PEPE/USDT:USDT",
]  # fmt: skip


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("BTCUSDT", "BTC/USDT:USDT"),
        ("btcusdt", "BTC/USDT:USDT"),
        ("btc/usdt:usdt", "BTC/USDT:USDT"),
        ("BTC-USDT", "BTC/USDT:USDT"),
        ("BTC_USDT", "BTC/USDT:USDT"),
        ("BTC/USDT:BTC", "BTC/USDT:USDT"),
        ("BTC/USD:USDT", "BTC/USDT:USDT"),
        ("XRP", "XRP/USDT"),
        ("XRP/USTD", "XRP/USDT"),
        ("XRP/TYR", "XRP/TRY"),
        ("ETHH/USDT:USDT", "ETH/USDT:USDT"),
        ("1000PEPEUSDT", "1000PEPE/USDT:USDT"),
    ],
)
def test_the_nearest_listed_symbol_is_named_first(mistyped: str, meant: str) -> None:
    assert nearest_symbols(mistyped, LISTED)[0] == meant


def test_a_symbol_like_no_other_has_no_hint() -> None:
    assert unknown_symbol_text("x", "ZZZZ", LISTED) == "x does not list ZZZZ among its 10 markets"


def test_a_text_of_no_symbols_form_needs_no_exchange_to_be_refused() -> None:
    with pytest.raises(UnknownSymbolError) as caught:
        check_form("binanceusdm", "BTCUSDT")
    assert str(caught.value) == "BTCUSDT is not a symbol like BTC/USDT:USDT; is it BTC/USDT:USDT?"
    check_form("binanceusdm", "FOO/USDT:USDT")

"""Ids of markets: every symbol that an id can mean, and none that it can't."""

from __future__ import annotations

import pytest

from feedd.venues.market_ids import embedded_ids, id_of, is_unified, symbols_of
from feedd.venues.market_type import MarketType

IDS: list[tuple[str | None, str, MarketType | None, list[str]]] = [
    ("binance", "BTCUSDT", "spot", ["BTC/USDT"]),
    ("binance", "BTCUSDT", None, ["BTC/USDT", "BTC/USDT:USDT"]),
    ("binance", "BTCTUSD", "spot", ["BTC/TUSD", "BTCT/USD"]),
    ("binance", "BNBUSD", "spot", ["BN/BUSD", "BNB/USD"]),
    ("binance", "XRPRLUSD", "spot", ["XRP/RLUSD", "XRPRL/USD"]),
    ("binance", "ETHAEUR", "spot", ["ETHA/EUR", "ETH/AEUR"]),
    ("binance", "BTCUSDP", "spot", []),
    ("binance", "USDT", "spot", []),
    ("binance", "币安人生USDT", "spot", ["币安人生/USDT"]),
    ("binanceusdm", "BTCUSDT", None, ["BTC/USDT:USDT"]),
    ("binanceusdm", "BTCUSDT_260327", None, ["BTC/USDT:USDT-260327"]),
    ("binanceusdm", "BTCUSD_PERP", None, []),
    ("binancecoinm", "BTCUSD_PERP", None, ["BTC/USD:BTC"]),
    ("binancecoinm", "BTCUSD_260327", None, ["BTC/USD:BTC-260327"]),
    ("binancecoinm", "BTCUSDT", None, []),
    ("bybit", "BTCUSDT", "linear", ["BTC/USDT:USDT"]),
    ("bybit", "BTCPERP", None, ["BTC/USDC:USDC"]),
    ("bybit", "BTCUSD", "inverse", ["BTC/USD:BTC"]),
    ("kraken", "XBT/USD", "spot", ["BTC/USD"]),
    ("okx", "BTC-USDT", "spot", ["BTC/USDT"]),
    ("okx", "BTC-USDT-SWAP", None, ["BTC/USDT:USDT"]),
    ("okx", "BTC-USDC-SWAP", "linear", ["BTC/USDC:USDC"]),
    ("okx", "BTC-USD-SWAP", None, ["BTC/USD:BTC"]),
    ("okx", "BTC-USD-260327", "inverse", ["BTC/USD:BTC-260327"]),
    ("okx", "BTC-USD-260327-60000-C", None, ["BTC/USD:BTC-260327-60000-C"]),
    ("okx", "BTC-USDT-SWAP", "spot", []),
    ("okx", "BTCUSDT", None, []),
    (None, "BTCUSDT", None, ["BTC/USDT", "BTC/USDT:USDT"]),
]


@pytest.mark.parametrize(("exchange", "id_", "of", "symbols"), IDS)
def test_an_id_can_mean_these_symbols(
    exchange: str | None, id_: str, of: MarketType | None, symbols: list[str]
) -> None:
    assert symbols_of(exchange, id_, of) == symbols


@pytest.mark.parametrize(
    ("text", "unified"),
    [
        ("BTC/USDT", True), ("BTC/USDT:USDT", True), ("BTC/USD:BTC-260327", True),
        ("BTC/USD:BTC-260327-50000-C", True), ("kPEPE/USDC:USDC", True), ("BTCUSDT", False),
        ("BTC/", False), ("/USDT", False), ("BTC/USDT:", False), ("BTC/USDT:USDT:X", False),
        ("BTC/US DT", False), ("BTC-USDT", False),
    ],
)  # fmt: skip
def test_unified_symbols_are_known_by_their_form(text: str, unified: bool) -> None:
    assert is_unified(text) is unified


@pytest.mark.parametrize(
    ("exchange", "symbol", "id_"),
    [
        ("binancecoinm", "BTC/USD:BTC", "BTCUSD_PERP"),
        ("binance", "BTC/USD:BTC-260327", "BTCUSD_260327"),
        ("binanceusdm", "BTC/USDT:USDT-260327", "BTCUSDT_260327"),
        ("binanceusdm", "BTC/USDT:USDT", "BTCUSDT"),
        ("binance", "BTC/USDT", "BTCUSDT"),
        ("bybit", "BTC/USD:BTC", "BTCUSD"),
    ],
)
def test_a_symbol_has_the_id_of_its_venue(exchange: str, symbol: str, id_: str) -> None:
    assert id_of(exchange, symbol) == id_
    assert id_ in embedded_ids(symbol)

"""Names on the wire and under supervisord."""

import pytest

from feedd.topics import market_id, program_name, topic
from feedd.venues.registry import unified_symbol


def test_a_topic_ends_with_a_dot_so_that_no_other_symbol_matches_it() -> None:
    perpetual = topic("ticker", "binanceusdm", "BTC/USDT:USDT")
    dated = topic("ticker", "binanceusdm", "BTC/USDT:USDT-260327")
    assert perpetual == "ticker.binanceusdm.BTC/USDT:USDT."
    assert not dated.startswith(perpetual)


@pytest.mark.parametrize(
    ("exchange", "symbol", "unified"),
    [
        ("binanceusdm", "BTC/USDT", "BTC/USDT:USDT"),
        ("binanceusdm", "BTC/USDT:USDT", "BTC/USDT:USDT"),
        ("binanceusdm", "BTC/USDT:USDT-260327", "BTC/USDT:USDT-260327"),
        ("bybit", "BTC/USDT", "BTC/USDT"),
    ],
)
def test_the_short_name_is_understood_where_it_can_mean_one_thing(
    exchange: str, symbol: str, unified: str
) -> None:
    assert unified_symbol(exchange, symbol) == unified


def test_a_program_is_named_after_its_exchange_and_symbol() -> None:
    assert program_name("binanceusdm", "BTC/USDT:USDT") == "feed-binanceusdm-BTC-USDT-USDT"
    assert program_name("bybit", "1000PEPE/USDT") == "feed-bybit-1000PEPE-USDT"


def test_a_program_keeps_the_letters_of_any_script() -> None:
    names = {program_name("binance", f"{base}/USDT") for base in ("币安人生", "哈基米", "1币", "Ö")}
    assert names == {
        "feed-binance-币安人生-USDT", "feed-binance-哈基米-USDT", "feed-binance-1币-USDT",
        "feed-binance-Ö-USDT",
    }  # fmt: skip


def test_the_exchange_knows_a_symbol_by_its_id() -> None:
    assert market_id("BTC/USDT:USDT") == market_id("BTC/USDT") == market_id("BTCUSDT") == "BTCUSDT"

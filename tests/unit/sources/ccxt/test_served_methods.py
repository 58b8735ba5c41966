"""Quotes that ccxt refuses for a type of market are made from the book, and not subscribed to."""

from __future__ import annotations

import pytest

from feedd.config.settings import Config
from feedd.sources.bid_ask import served_bid_ask
from feedd.sources.ccxt.exchange_class import has
from feedd.sources.ccxt.plan import carrier_of
from feedd.sources.ccxt.served_methods import QUOTES, served_methods
from feedd.venues.contract import Venue

# What ccxt 4.5.90 says: "weex watchBidsAsks is supported for spot markets only".
REFUSED = [
    ("weex", "BTC/USDT:USDT"), ("gemini", "BTC/USD:BTC"), ("mexc", "BTC/USDT:USDT"),
    ("mexc", "BTC/USD:BTC"),
]  # fmt: skip


@pytest.mark.parametrize(("exchange", "symbol"), REFUSED)
def test_quotes_that_ccxt_refuses_for_the_market_are_no_method(exchange: str, symbol: str) -> None:
    assert has(exchange)[QUOTES]
    methods = served_methods(exchange, symbol)
    assert not methods[QUOTES]
    assert {**methods, QUOTES: True} == {**has(exchange), QUOTES: True}
    assert carrier_of(methods, symbol, Venue(), "quote") == "book"
    feed = Config(exchange=exchange, channels=("ticker",), symbols=(symbol,)).feeds()[0]
    assert served_bid_ask("quote", feed)[0] == "ticker"


@pytest.mark.parametrize(
    ("exchange", "symbol"),
    [("weex", "BTC/USDT"), ("gemini", "BTC/USDT"), ("binanceusdm", "BTC/USDT:USDT"),
     ("xt", "BTC/USDT:USDT"), ("whitebit", "BTC/USDT")],
)  # fmt: skip
def test_others_keep_their_methods(exchange: str, symbol: str) -> None:
    assert bool(served_methods(exchange, symbol).get(QUOTES)) == bool(has(exchange).get(QUOTES))

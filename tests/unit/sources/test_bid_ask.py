"""The origin of the tickers' bid and ask follows what an exchange serves."""

from __future__ import annotations

import pytest

from feedd.config.settings import Config, Feed, SymbolEntry
from feedd.errors import ConfigError
from feedd.model import BidAsk
from feedd.sources import bid_ask as module
from feedd.sources.bid_ask import served_bid_ask
from feedd.venues.contract import RawChannel, Venue


def feed(exchange: str, symbol: str = "BTC/USDT:USDT", source: str = "ccxt") -> Feed:
    config = Config(
        symbols=(SymbolEntry(symbol, exchange=exchange, source=source),),  # type: ignore[arg-type]
        channels=("ticker", "trade"),
    )
    return config.feeds()[0]


@pytest.mark.parametrize(
    ("exchange", "source"), [("binanceusdm", "ccxt"), ("binanceusdm", "native"), ("bybit", "ccxt")]
)
@pytest.mark.parametrize("wanted", ["quote", "book"])
def test_an_exchange_with_the_channel_serves_it(exchange: str, source: str, wanted: BidAsk) -> None:
    assert served_bid_ask(wanted, feed(exchange, source=source)) == (wanted, None)


def test_without_quotes_of_its_own_an_exchange_keeps_its_tickers_bid_and_ask() -> None:
    origin, line = served_bid_ask("quote", feed("phemex"))
    assert origin == "ticker"
    assert line is not None
    assert line.startswith("phemex (linear) has no quotes of its own: ")


@pytest.mark.parametrize(
    "described",
    [
        Venue(quote_from="book"),
        Venue(raw_channels={"quote": RawChannel(lambda *_: [], carrier="ticker")}),
    ],
    ids=["of the book", "of the ticker"],
)
def test_quotes_that_are_made_from_another_channel_are_none_of_its_own(
    described: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "venue", lambda *_: described)
    assert served_bid_ask("quote", feed("okx"))[0] == "ticker"


def test_quotes_that_need_a_key_are_used_with_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    described = Venue(needs_key=frozenset({"quote"}))
    monkeypatch.setattr(module, "venue", lambda *_: described)
    assert served_bid_ask("quote", feed("okx"), with_key=True) == ("quote", None)
    origin, line = served_bid_ask("quote", feed("okx"))
    assert origin == "ticker"
    assert line is not None
    assert line.startswith("okx (linear) has no quotes of its own without an API key: its tickers")


@pytest.mark.parametrize("wanted", ["ticker", "estimate", "none"])
def test_what_needs_no_other_channel_stays(wanted: BidAsk) -> None:
    assert served_bid_ask(wanted, feed("phemex")) == (wanted, None)


def test_without_tickers_and_in_a_replay_nothing_is_replaced() -> None:
    config = Config(symbols=("BTC/USDT:USDT",), exchange="phemex", channels=("trade",))
    assert served_bid_ask("quote", config.feeds()[0]) == ("quote", None)
    assert served_bid_ask("quote", feed("phemex", source="replay")) == ("quote", None)


def test_a_symbol_that_the_native_source_does_not_serve_is_refused() -> None:
    with pytest.raises(ConfigError, match="source: native has no"):
        served_bid_ask("quote", feed("kraken", "BTC/USD", source="native"))

"""Events from Kraken Futures' raw messages, as its documents and the recording give them."""

from __future__ import annotations

from typing import Any

import pytest
from venue_recordings import received

from feedd.sources.trade_sequence import TradeSequence
from feedd.venues.krakenfutures import control, parsers
from feedd.venues.krakenfutures.market_ids import symbols

AT = ("krakenfutures", "BTC/USD:BTC", 7, "")
TICKER: dict[str, Any] = {
    "time": 1680811086487, "product_id": "PI_XBTUSD", "feed": "ticker", "bid": 28060, "ask": 28070,
    "bid_size": 2844, "ask_size": 1902, "volume": 19628180, "last": 28053.5,
    "change": -0.7710945651981715, "markPrice": 28064.92082724592,
}  # fmt: skip
TRADE: dict[str, Any] = {
    "feed": "trade", "product_id": "PI_XBTUSD", "uid": "05af78ac-a774-478c-a50c-8b9c234e071e",
    "side": "sell", "type": "fill", "seq": 653355, "time": 1612266317519, "qty": 15000,
    "price": 34969.5,
}  # fmt: skip


def test_a_ticker_has_its_time_and_its_percent() -> None:
    (ticker,) = parsers.tickers(TICKER, *AT)
    assert (ticker.timestamp, ticker.last) == (1680811086487, 28053.5)
    assert (ticker.change_percent, ticker.volume) == (-0.7710945651981715, 19628180.0)
    assert (ticker.bid, ticker.ask, ticker.high, ticker.low) == (28060.0, 28070.0, None, None)
    (newer,) = parsers.tickers({**TICKER, "high": 28500, "low": 27900.5}, *AT)
    assert (newer.high, newer.low) == (28500.0, 27900.5)


def test_a_quote_has_neither_sizes_nor_a_time() -> None:
    (quote,) = parsers.quotes({"feed": "ticker_lite", "bid": 1753.45, "ask": 1760.35}, *AT)
    assert (quote.bid, quote.ask, quote.bid_size, quote.ask_size) == (1753.45, 1760.35, None, None)
    assert quote.timestamp is None


def test_a_trade_is_numbered_by_its_seq_and_named_by_its_uid() -> None:
    ((number, trade),) = parsers.trades(TRADE, *AT)
    assert (number, trade.id) == (653355, "05af78ac-a774-478c-a50c-8b9c234e071e")
    assert (trade.side, trade.price, trade.size) == ("sell", 34969.5, 15000.0)
    assert trade.timestamp == 1612266317519


@pytest.mark.parametrize(
    "changed", [{"side": "Both"}, {"seq": "x"}, {"qty": 0}, {"price": None}, {"time": None}]
)
def test_an_altered_trade_is_rejected(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        parsers.trades({**TRADE, **changed}, *AT)


def test_the_first_page_is_turned_round_and_comes_once() -> None:
    """The recorded trades of each product have no gap, and a page that comes again adds none."""
    sequences: dict[str, TradeSequence] = {}
    published = 0
    for _, message in received("venues/kraken_futures.jsonl.zst"):
        if control.channel_of(message) != "trade":
            continue
        sequence = sequences.setdefault(message["product_id"], TradeSequence())
        for again in range(2):
            if again:
                sequence.reconnected()
            for numbered in parsers.trades(message, *AT):
                published += len(sequence.take(*numbered))
        assert sequence.gap is None
        assert not sequence.ids_restarted
    assert published == 1003


def test_a_refusal_is_one_and_a_notice_is_none() -> None:
    refusal = {"event": "error", "message": "Invalid product id"}
    assert control.refusal(refusal) == "refused: Invalid product id"
    alert = {"event": "alert", "message": "Already subscribed to feed, re-requesting"}
    assert control.refusal(alert) is None
    assert control.refusal({"event": "subscribed", "feed": "book"}) is None
    request = {"event": "subscribe", "feed": "book", "product_ids": ["PI_XBTUSD"]}
    assert not control.refuses(refusal, request)
    assert control.refuses({**refusal, "feed": "book", "product_ids": ["PI_XBTUSD"]}, request)


@pytest.mark.parametrize(
    ("sent", "same"),
    [("PI_XBTUSD", True), ("pi_xbtusd", True), ("PI_ETHUSD", False), (None, False), (1, False)],
)
def test_an_id_of_the_list_in_small_letters_is_the_one_in_capitals(sent: Any, same: bool) -> None:
    assert control.is_same_market("pi_xbtusd", sent) is same
    request = {"event": "subscribe", "feed": "book", "product_ids": ["pi_xbtusd"]}
    answer = {"event": "subscribed_failed", "feed": "book", "product_ids": [sent]}
    assert control.refuses(answer, request) is same


def test_an_answer_is_no_data() -> None:
    assert control.channel_of({"event": "subscribed", "feed": "book"}) is None


@pytest.mark.parametrize(
    ("id_", "symbol"),
    [("PI_XBTUSD", "BTC/USD:BTC"), ("PF_XBTUSD", "BTC/USD:USD"), ("pi_ethusd", "ETH/USD:ETH"),
     ("FI_ETHUSD_211231", "ETH/USD:ETH-211231"), ("FF_XBTUSD_260327", "BTC/USD:USD-260327")],
)  # fmt: skip
def test_an_id_has_a_unified_symbol(id_: str, symbol: str) -> None:
    assert symbols("krakenfutures", id_) == [symbol]


@pytest.mark.parametrize("id_", ["PI_XBTUSD_211231", "FI_XBTUSD", "XBTUSD", "IN_XBTUSD"])
def test_another_id_has_none(id_: str) -> None:
    assert symbols("krakenfutures", id_) == []

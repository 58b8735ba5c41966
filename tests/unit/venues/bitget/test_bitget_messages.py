"""Bitget's tickers, quotes, trades and answers, from messages of its documents."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from feedd.venues.bitget import control, parsers
from feedd.venues.bitget.venue import VENUE
from feedd.venues.market_ids import symbols_of

AT = ("bitget", "ETH/USDT", 1, "1m")
TICKER = {
    "instId": "ETHUSDT", "lastPr": "2200.10", "open24h": "2252.00", "high24h": "2290.15",
    "low24h": "2176.73", "change24h": "-0.02307", "bidPr": "2200.10", "askPr": "2200.11",
    "bidSz": "0.0084", "askSz": "19.5740", "baseVolume": "42408.8366",
    "quoteVolume": "95126312.9", "ts": "1704430499800",
}  # fmt: skip
TRADE = {
    "ts": "1695709835822", "price": "26293.4", "size": "0.0013", "side": "buy",
    "tradeId": "1116461060594286593",
}  # fmt: skip
ARG = {"instType": "SPOT", "channel": "books", "instId": "ETHUSDT"}
REQUEST = {"op": "subscribe", "args": [ARG]}


def message(channel: str, *data: Any) -> dict[str, Any]:
    arg = {"instType": "SPOT", "channel": channel, "instId": "ETHUSDT"}
    return {"action": "snapshot", "arg": arg, "data": list(data), "ts": 1704430499801}


@pytest.mark.parametrize(
    ("name", "channel"),
    [("ticker", "ticker"), ("trade", "trade"), ("books", "book"), ("candle1m", "candle"),
     ("books5", None), ("account", None), (None, None)],
)  # fmt: skip
def test_a_message_names_its_channel_and_market(name: Any, channel: str | None) -> None:
    assert control.channel_of(message(name)) == channel
    assert VENUE.market_id_of is not None
    assert VENUE.market_id_of(message(name)) == "ETHUSDT"


@pytest.mark.parametrize("event", ["subscribe", "unsubscribe", "error"])
def test_an_answer_is_of_no_channel(event: str) -> None:
    assert control.channel_of({"event": event, "arg": ARG}) is None
    assert control.channel_of("pong") is None


def test_subscribing_again_ends_the_subscription_first() -> None:
    assert control.resubscribe(REQUEST, count().__next__) == [
        {"op": "unsubscribe", "args": [ARG]}, {"op": "subscribe", "args": [ARG]},
    ]  # fmt: skip


def test_a_refusal_answers_the_request_with_its_argument() -> None:
    text = "instType:SPOT,channel:books,instId:ETHUSDT doesn't exist"
    refusal = {"event": "error", "code": 30001, "msg": text, "op": "subscribe"}
    other = {"op": "subscribe", "args": [{**ARG, "instId": "ETHUSDTX"}, {**ARG, "channel": "x"}]}
    for one in (refusal, {**refusal, "arg": ARG}):
        assert control.refuses(one, REQUEST)
        assert not control.refuses(one, other)
    assert not control.refuses({"event": "subscribe", "arg": ARG}, REQUEST)


@pytest.mark.parametrize(
    ("fraction", "percent"), [("-0.02307", -2.307), ("0.07", 7.0), ("", None), (None, None)]
)
def test_a_ticker_has_its_change_in_percent_and_its_own_bid_and_ask(
    fraction: str | None, percent: float | None
) -> None:
    (made,) = parsers.tickers(message("ticker", {**TICKER, "change24h": fraction}), *AT)
    assert (made.timestamp, made.last, made.volume) == (1704430499800, 2200.1, 42408.8366)
    assert (made.high, made.low, made.change_percent) == (2290.15, 2176.73, percent)
    assert (made.bid, made.ask) == (2200.1, 2200.11)


def test_a_quote_is_the_tickers_with_sizes() -> None:
    (made,) = parsers.quotes(message("ticker", TICKER), *AT)
    assert (made.bid, made.bid_size, made.ask, made.ask_size) == (2200.1, 0.0084, 2200.11, 19.574)


def test_trades_come_oldest_first_with_exact_ids() -> None:
    older = {**TRADE, "tradeId": "1116461060594286592", "side": "sell"}
    oldest = {**TRADE, "tradeId": "9007199254740993", "ts": "1695709835821"}
    made = parsers.trades(message("trade", TRADE, older, oldest), *AT)
    assert [one.id for one in made] == [9007199254740993, 1116461060594286592, 1116461060594286593]
    assert [one.side for one in made] == ["buy", "sell", "buy"]
    assert (made[2].price, made[2].size, made[2].timestamp) == (26293.4, 0.0013, 1695709835822)


@pytest.mark.parametrize(
    ("id_", "of", "symbols"),
    [("BTCUSDT", None, ["BTC/USDT", "BTC/USDT:USDT"]), ("BTCPERP", None, ["BTC/USDC:USDC"]),
     ("BTCUSD", "inverse", ["BTC/USD:BTC"]), ("BTC-USDT", None, [])],
)  # fmt: skip
def test_an_id_can_mean_these_symbols(id_: str, of: Any, symbols: list[str]) -> None:
    assert symbols_of("bitget", id_, of) == symbols

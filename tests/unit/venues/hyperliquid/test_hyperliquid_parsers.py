"""Hyperliquid's raw messages, each as the documents and the recording have it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from conftest import real_recording
from hyperliquid_messages import ARGS, BBO, BOOK, CANDLE, CTX, TRADES

from feedd.books.depth import Snapshot
from feedd.books.whole import WholeBook
from feedd.model import Candle, Mark, Quote, Trade
from feedd.sources.ccxt.plan import lacking, plan
from feedd.venues.hyperliquid import parsers
from feedd.venues.hyperliquid.book import to_depth
from feedd.venues.hyperliquid.control import channel_of, coin_of, refuses, resubscribe
from feedd.venues.hyperliquid.market_ids import listed_type
from feedd.venues.hyperliquid.venue import LINEAR, SPOT
from feedd.venues.market_ids import symbols_of

SUBSCRIPTION = {"type": "l2Book", "coin": "BTC"}
REQUEST = {"method": "subscribe", "subscription": SUBSCRIPTION}


def test_a_book_is_whole_and_has_the_time_as_its_id() -> None:
    assert to_depth(BOOK) == Snapshot(
        1710131872708, [(68674.0, 0.97139)], [(68675.0, 0.04396)], 1710131872708, limit=20
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"time": None}, {"levels": [[]]}, {"levels": [[{"px": "x", "sz": "1"}], []]},
        {"levels": [[{"px": "1"}], []]}, {"levels": [[{"px": "-1", "sz": "1"}], []]},
    ],
)  # fmt: skip
def test_a_malformed_book_is_rejected(damage: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        to_depth({**BOOK, "data": {**BOOK["data"], **damage}})


def test_a_ticker_has_the_middle_as_its_last_and_no_impact_price_as_its_bid() -> None:
    (ticker,) = parsers.tickers(CTX, *ARGS)
    assert (ticker.last, ticker.volume, ticker.bid, ticker.ask) == (85902.5, 29799.4898, None, None)
    assert (ticker.high, ticker.low, ticker.timestamp) == (None, None, None)
    assert ticker.change_percent == pytest.approx((85896.4 - 83388) / 83388 * 100)


def test_a_market_without_orders_has_no_last() -> None:
    ctx = {**CTX["data"]["ctx"], "midPx": None, "impactPxs": None}
    (ticker,) = parsers.tickers({**CTX, "data": {"coin": "BTC", "ctx": ctx}}, *ARGS)
    assert ticker.last is None


def test_the_tickers_message_has_the_mark_price_with_the_funding_of_an_hour() -> None:
    assert parsers.marks(CTX, *ARGS) == [
        Mark(
            "BTC/USDC:USDC", None, 85896.4, 85916.0, 0.0000125, None, "hyperliquid", 7,
        )
    ]  # fmt: skip


def test_a_quote_has_the_time_as_its_id_and_a_null_side_is_empty() -> None:
    assert parsers.quotes(BBO, *ARGS) == [
        Quote(
            "BTC/USDC:USDC", 1790358617881, 83757.0, 22.61305, 83758.0, 0.00016, "hyperliquid", 7,
            id=1790358617881,
        )
    ]  # fmt: skip
    bbo = [None, BBO["data"]["bbo"][1]]
    (quote,) = parsers.quotes({**BBO, "data": {**BBO["data"], "bbo": bbo}}, *ARGS)
    assert (quote.bid, quote.bid_size, quote.ask) == (None, None, 83758.0)


def test_trades_are_oldest_first_on_their_takers_side() -> None:
    assert parsers.trades(TRADES, *ARGS) == [
        Trade("BTC/USDC:USDC", 1710125266668, 68518.0, 0.1, "buy", "hyperliquid", 7, id=1),
        Trade(
            "BTC/USDC:USDC", 1710125266669, 68517.0, 0.005, "sell", "hyperliquid", 7,
            id=981894269203506,
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("damage", [{"side": "buy"}, {"px": "0"}, {"sz": "0"}, {"tid": None}])
def test_a_malformed_trade_is_rejected(damage: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        parsers.trades({**TRADES, "data": [{**TRADES["data"][0], **damage}]}, *ARGS)


def test_a_candle_does_not_say_whether_it_is_closed() -> None:
    candle = Candle(
        "BTC/USDC:USDC", None, "1m", 1710146280000, 71400.0, 71422.0, 71389.0, 71411.0, 1.20407,
        None, "hyperliquid", 7,
    )  # fmt: skip
    assert parsers.candles(CANDLE, *ARGS) == [candle]
    assert parsers.candles({**CANDLE, "data": [CANDLE["data"]]}, *ARGS) == [candle]


def test_every_message_names_its_channel_and_its_market() -> None:
    channels = [channel_of(message) for message in (BOOK, CTX, BBO, TRADES, CANDLE)]
    assert channels == ["book", "ticker", "quote", "trade", "candle"]
    assert {coin_of(message) for message in (BOOK, CTX, BBO, TRADES, CANDLE)} == {"BTC"}
    spot = {**CTX, "channel": "activeSpotAssetCtx"}
    assert channel_of(spot) == "ticker"
    assert coin_of({"channel": "trades", "data": []}) == "BTC"  # of any market
    for control in ({"channel": "pong"}, {"channel": "error", "data": "x"}, "text", {"channel": 1}):
        assert channel_of(control) is None


def test_a_subscription_is_ended_and_renewed() -> None:
    assert resubscribe(REQUEST, lambda: 1) == [
        {"method": "unsubscribe", "subscription": SUBSCRIPTION},
        {"method": "subscribe", "subscription": SUBSCRIPTION},
    ]


@pytest.mark.parametrize(
    ("text", "refused", "ended"),
    [
        ('Invalid subscription {"type":"l2Book","coin":"BTC"}', True, False),
        ('Invalid subscription {"type":"l2Book","coin":"BTC","nSigFigs":null}', True, False),
        ('Invalid subscription {"type":"l2Book","coin":"ETH"}', False, False),
        ('Invalid subscription {"type":"trades","coin":"BTC"}', False, False),
        ('Already unsubscribed: {"type":"l2Book","coin":"BTC"}', False, True),
        ("Cannot subscribe to more than 1000 channels.", False, False),
        ("Error parsing JSON into valid websocket request: {", False, False),
    ],
)
def test_a_refusal_names_the_subscription(text: str, refused: bool, ended: bool) -> None:
    message = {"channel": "error", "data": text}
    assert refuses(message, REQUEST) is refused
    assert refuses(message, {**REQUEST, "method": "unsubscribe"}) is ended


def test_quotes_have_a_stream_for_which_ccxt_has_no_method() -> None:
    has = dict.fromkeys(("watchTicker", "watchTrades", "watchOrderBook", "watchOHLCV"), True)
    symbol = "BTC/USDC:USDC"
    assert lacking(has, symbol, ("quote", "mark"), LINEAR)[0] == ""
    assert lacking(has, "PURR/USDC", ("mark",), SPOT)[0] == "mark"
    made = plan(has, symbol, LINEAR, ("quote", "mark"))
    assert (made.subscribed, made.made_from) == (("quote", "ticker"), {"mark": "ticker"})
    own = LINEAR.own_subscriptions["quote"].request
    for market in ({"swap": True, "baseName": "BTC", "id": "0"}, {"swap": False, "id": "BTC"}):
        assert own(market) == {
            "method": "subscribe", "subscription": {"type": "bbo", "coin": "BTC"},
        }  # fmt: skip


@pytest.mark.parametrize(
    ("id_", "symbol", "name"),
    [
        ("BTC", "BTC/USDC:USDC", "swap"), ("kPEPE", "KPEPE/USDC:USDC", "swap"),
        ("xyz:NVDA", "XYZ-NVDA/USDC:USDC", "hip3"), ("PURR/USDC", "PURR/USDC", "spot"),
    ],
)  # fmt: skip
def test_a_name_means_a_symbol_of_one_of_three_lists(id_: str, symbol: str, name: str) -> None:
    assert symbols_of("hyperliquid", id_) == [symbol]
    assert listed_type(symbol) == name


def test_the_recorded_books_grow_and_the_takers_of_its_trades_took_the_other_side() -> None:
    rules = WholeBook()
    books = repeated = 0
    sides: list[tuple[str | None, bool]] = []
    with gzip.open(real_recording("venues/hyperliquid.gz"), "rt") as file:
        for line in file:
            message = json.loads(line.partition(" ")[2])
            if channel_of(message) == "book":
                depth = to_depth(message)
                repeated += depth.last == rules.last_id
                assert rules.on_snapshot(depth) is None
                assert (rules.synced, rules.last_id) == (True, depth.last)
                assert (rules.book.bids.top(20), rules.book.asks.top(20)) == depth[1:3]
                books += 1
                continue
            bid, ask = rules.book.bids.best(), rules.book.asks.best()
            assert bid is not None
            assert ask is not None
            for trade in parsers.trades(message, *ARGS):
                sides.append((trade.side, trade.price >= ask))
                assert trade.price >= ask or trade.price <= bid
    assert (books, repeated) == (46, 1)
    assert [side == "buy" for side, _ in sides] == [above for _, above in sides]
    assert len(sides) == 64

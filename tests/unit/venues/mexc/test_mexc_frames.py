"""MEXC's frames as ccxt's classes write them, and everything that is made of them."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mexc_frames import TIME_MS, depth, frame

from feedd.books.depth import Snapshot, Update
from feedd.venues.market_ids import symbols_of
from feedd.venues.mexc import book, control, parsers, wire
from feedd.venues.mexc.venue import SPOT

AT = ("mexc", "BTC/USDT", 1, "1m")
DEALS = "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"
BEST = "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT"
DAY = "spot@public.miniTicker.v3.api.pb@BTCUSDT@24H"
MINUTE = "spot@public.kline.v3.api.pb@BTCUSDT@Min1"
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError)
REQUEST = {"method": "SUBSCRIPTION", "params": [DEALS]}


def test_a_frame_names_its_channel_and_market() -> None:
    for channel, name in ((DEALS, "trade"), (BEST, "quote"), (DAY, "ticker"), (MINUTE, "candle")):
        message = wire.decode(frame(channel, "publicAggreDeals"))
        assert control.channel_of(message) == name
        assert (message["symbol"], message["time"]) == ("BTCUSDT", TIME_MS)
        assert SPOT.market_id_of is not None
        assert SPOT.market_id_of(message) == "BTCUSDT"
    assert control.channel_of(wire.decode(frame("spot@private.x", "publicAggreDeals"))) is None
    assert control.channel_of({"id": 0, "code": 0, "msg": DEALS}) is None


def test_a_change_of_the_book_is_read_with_its_versions() -> None:
    message = wire.decode(
        depth(43296363236, 43296363255, [["117053.41", "1.86837271"]], [["117145.49", "0"]])
    )
    assert book.to_update(message) == Update(
        43296363235, 43296363255, TIME_MS, [(117053.41, 1.86837271)], [(117145.49, 0.0)]
    )


def test_a_snapshot_is_requested_and_read() -> None:
    request = book.snapshot_request("spot", "BTCUSDT")
    assert request.params["symbol"] == "BTCUSDT"
    answer = {"lastUpdateId": 5, "bids": [["1", "2"]], "asks": [["3", "4"]], "timestamp": 6}
    assert book.to_snapshot(answer) == Snapshot(5, [(1.0, 2.0)], [(3.0, 4.0)], 6, limit=1000)
    for wrong in ({}, None, {**answer, "bids": [["0", "1"]]}, {"code": -1121, "msg": "Invalid"}):
        with pytest.raises(ValueError):  # noqa: PT011  any text
            book.to_snapshot(wrong)


def test_trades_have_the_takers_side_and_no_id() -> None:
    deals = [
        {"price": "93220.00", "quantity": "0.04438243", "tradeType": 2, "time": 1736409765051},
        {"price": "93220.01", "quantity": "1", "tradeType": 1, "time": 1736409765050},
    ]
    message = wire.decode(frame(DEALS, "publicAggreDeals", deals=deals, eventType="x"))
    made = parsers.trades(message, *AT)
    assert [(one.price, one.size, one.side, one.timestamp, one.id) for one in made] == [
        (93220.01, 1.0, "buy", 1736409765050, None),
        (93220.0, 0.04438243, "sell", 1736409765051, None),
    ]


@pytest.mark.parametrize("wrong", [{"tradeType": 3}, {"price": ""}, {"quantity": "0"}, {"time": 0}])
def test_a_deal_that_is_no_trade_is_rejected(wrong: dict[str, Any]) -> None:
    deal = {"price": "5", "quantity": "1", "tradeType": 1, "time": 7, **wrong}
    with pytest.raises((ValueError, LookupError)):
        parsers.trades(wire.decode(frame(DEALS, "publicAggreDeals", deals=[deal])), *AT)


def test_a_quote_has_prices_and_sizes_and_an_empty_side_none() -> None:
    best = {"bidPrice": "93387.28", "bidQuantity": "3.73485", "askPrice": "", "askQuantity": ""}
    (made,) = parsers.quotes(wire.decode(frame(BEST, "publicAggreBookTicker", **best)), *AT)
    assert (made.bid, made.bid_size, made.ask, made.ask_size) == (93387.28, 3.73485, None, None)
    assert made.timestamp == TIME_MS


def test_a_ticker_has_its_change_in_percent_and_the_volume_in_base_currency() -> None:
    day = {
        "symbol": "BTCUSDT", "price": "76522", "rate": "0.0012", "zonedRate": "-0.0013",
        "high": "77196.3", "low": "75630.77", "volume": "584664223.92", "quantity": "7666.720258",
        "lastCloseRate": "0.1",
    }  # fmt: skip
    (made,) = parsers.tickers(wire.decode(frame(DAY, "publicMiniTicker", **day)), *AT)
    assert (made.last, made.volume, made.change_percent) == (76522.0, 7666.720258, -0.13)
    assert (made.high, made.low, made.bid, made.ask) == (77196.3, 75630.77, None, None)


def test_a_candle_is_read_whole() -> None:
    kline = {
        "interval": "Min1", "windowStart": 1754737920, "openingPrice": "117317.31",
        "closingPrice": "117325.26", "highestPrice": "117341", "lowestPrice": "117317.3",
        "volume": "3.12599854", "amount": "366804.43", "windowEnd": 1754737980,
    }  # fmt: skip
    (made,) = parsers.candles(wire.decode(frame(MINUTE, "publicSpotKline", **kline)), *AT)
    assert (made.open_time, made.open, made.close) == (1754737920000, 117317.31, 117325.26)
    assert (made.high, made.low, made.volume) == (117341.0, 117317.3, 3.12599854)


@given(
    st.lists(st.tuples(st.text(max_size=200), st.text(max_size=200)), max_size=8),
    st.integers(-(2**63), 2**63 - 1), st.text(),
)  # fmt: skip
def test_whatever_the_library_writes_is_read_back(
    rows: list[tuple[str, str]], created: int, symbol: str
) -> None:
    packed = frame("a@b", "publicAggreDepths", asks=[{"price": p, "quantity": q} for p, q in rows])
    message = wire.decode(packed)
    assert [wire.texts(value, 2) for _, value in wire.fields(message["body"])] == [
        list(row) for row in rows
    ]
    other = wire.decode(
        frame("a@b", "publicAggreDeals", deals=[{"time": created, "price": symbol}])
    )
    ((_, deal),) = wire.fields(other["body"])
    assert dict(wire.fields(deal)).get(4, 0) == created % 2**64
    assert wire.texts(deal, 1) == [symbol]


DIGITS = st.text("0123456789.", max_size=140)  # a length of one byte, or of two


@given(
    st.lists(st.tuples(DIGITS, DIGITS), max_size=5), st.lists(st.tuples(DIGITS, DIGITS), max_size=5)
)
def test_the_levels_of_both_sides_are_those_that_the_library_writes(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]]
) -> None:
    packed = depth(5, 6, [list(row) for row in bids], [list(row) for row in asks])
    found = wire.sides(wire.decode(packed)["body"])
    assert found[:2] == ([list(row) for row in bids], [list(row) for row in asks])
    assert {number: wire.text(value) for number, value in found[2].items()} == {
        3: "spot@public.aggre.depth.v3.api.pb@100ms", 4: "5", 5: "6",
    }  # fmt: skip


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_are_rejected_and_nothing_else(data: bytes) -> None:
    with suppress(ValueError):
        wire.decode(data)
    for parse in (parsers.tickers, parsers.quotes, parsers.trades, parsers.candles):
        with suppress(*UNREADABLE):
            parse({"body": data, "time": 1}, *AT)
    with suppress(*UNREADABLE):
        book.to_update({"body": data, "time": 1})
    with suppress(ValueError):
        wire.sides(data)


@pytest.mark.parametrize("data", [b"\x08\x01", b"\x0a\x02a", b"\x0a\x01\xff", b"\x07", b"\xff" * 11,
                                  b"\xca\x15\x05"])  # fmt: skip
def test_a_frame_of_other_bytes_is_rejected(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"field|number|decode"):
        wire.decode(data)


def test_a_frame_that_is_cut_is_rejected_or_has_less() -> None:
    whole = depth(1, 2, [["1.5", "2"]], [["3", "4"]])
    for end in range(len(whole)):
        with suppress(ValueError):
            assert wire.decode(whole[:end]) != wire.decode(whole)


def test_the_tickers_subscription_is_to_the_summary_of_24_hours() -> None:
    assert control.ticker_request({"method": "SUBSCRIPTION", "params": [BEST]}) == {
        "method": "SUBSCRIPTION", "params": [DAY],
    }  # fmt: skip


def test_subscribing_again_ends_the_subscription_first() -> None:
    assert control.resubscribe(REQUEST, count().__next__) == [
        {"method": "UNSUBSCRIPTION", "params": [DEALS]}, REQUEST,
    ]  # fmt: skip


def test_a_refusal_answers_the_request_whose_channel_it_names() -> None:
    text = f"Not Subscribed successfully! [{DEALS}].  Reason: Blocked!"
    refusal = {"id": 0, "code": 0, "msg": text}
    assert control.refusal(refusal) == f"refused: {text}"
    assert control.refuses(refusal, REQUEST)
    assert not control.refuses(refusal, {"params": [DEALS[:-1]]})
    assert not control.refuses(refusal, {"params": [BEST]})
    for accepted in ({"id": 0, "code": 0, "msg": DEALS}, {"id": 0, "code": 0, "msg": "PONG"}):
        assert control.refusal(accepted) is None
        assert not control.refuses(accepted, REQUEST)


@pytest.mark.parametrize(
    ("id_", "of", "symbols"),
    [("BTCUSDT", None, ["BTC/USDT"]), ("BTC_USDT", None, ["BTC/USDT:USDT"]),
     ("BTC_USD", "inverse", ["BTC/USD:BTC"]), ("BTC_USD", "linear", []), ("BTC-USDT", None, [])],
)  # fmt: skip
def test_an_id_can_mean_these_symbols(id_: str, of: Any, symbols: list[str]) -> None:
    assert symbols_of("mexc", id_, of) == symbols

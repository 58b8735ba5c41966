"""Bitfinex's tickers, trades, candles and answers, from messages of its documents and recorded."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from venue_recordings import received

from feedd.venues.bitfinex import control, parsers
from feedd.venues.bitfinex.control import Router
from feedd.venues.market_ids import symbols_of

AT = ("bitfinex", "BTC/USD", 1, "1m")
BOOK = {"event": "subscribe", "channel": "book", "symbol": "tBTCUSD", "prec": "P0", "freq": "F0"}
CANDLES = {"event": "subscribe", "channel": "candles", "key": "trade:1m:tBTCUSD"}


def subscribed(chan_id: int, request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "event": "subscribed", "chanId": chan_id}


def test_the_answer_to_a_subscription_decides_what_its_messages_are() -> None:
    router = Router()
    assert router([5, [1, 2, 3]]) is None
    for chan_id, channel in enumerate(("ticker", "trades", "book", "candles", "status")):
        assert router(subscribed(chan_id, {**BOOK, "channel": channel})) is None
    assert [router([chan_id, "hb"]) for chan_id in range(6)] == [
        "ticker", "trade", "book", "candle", None, None,
    ]  # fmt: skip
    router({"event": "unsubscribed", "status": "OK", "chanId": 2})
    assert router([2, "hb"]) is None


def test_each_connection_has_channels_of_its_own() -> None:
    Router()(subscribed(5, BOOK))
    assert Router()([5, "hb"]) is None


def test_subscribing_again_ends_the_subscription_by_its_number() -> None:
    router = Router()
    router(subscribed(5, BOOK))
    router(subscribed(6, CANDLES))
    new_id = count().__next__
    assert router.resubscribe(BOOK, new_id) == [{"event": "unsubscribe", "chanId": 5}, BOOK]
    assert router.resubscribe(CANDLES, new_id)[0] == {"event": "unsubscribe", "chanId": 6}
    assert router.resubscribe(BOOK, new_id) == [BOOK]  # not yet answered
    router(subscribed(7, BOOK))
    assert router.resubscribe(BOOK, new_id)[0] == {"event": "unsubscribe", "chanId": 7}


@pytest.mark.parametrize(
    ("message", "number"),
    [([5, [1, 2, 3], 18], 18), ([5, "hb", 19], 19), ([5, "cs", -136, 20], 20),
     ([5, "te", [1, 2, 3, 4], 21], 21), ([5, [[1, 2, 3]], 22], 22), ([5, [1, 2, 3]], None),
     ([5, "hb"], None), ([5, "cs", -136], None), ([5, "te", [1, 2, 3, 4]], None),
     ({"event": "info"}, None), ([], None)],
)  # fmt: skip
def test_an_array_ends_with_its_number(message: Any, number: int | None) -> None:
    assert control.sequence_of(message) == number


def test_the_recorded_numbers_have_no_gap() -> None:
    numbers = [
        number
        for _, raw in received("venues/bitfinex.jsonl.zst")
        if (number := control.sequence_of(raw)) is not None
    ]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 1600


def test_a_refusal_answers_the_request_with_its_channel_and_symbol() -> None:
    refusal = {
        "event": "error", "msg": "symbol: invalid", "code": 10300, "channel": "book",
        "symbol": "tBTCUSD",
    }  # fmt: skip
    assert control.refusal(refusal) == "refused: symbol: invalid (code 10300)"
    assert control.refuses(refusal, BOOK)
    assert not control.refuses(refusal, {**BOOK, "channel": "ticker"})
    assert not control.refuses(refusal, {**BOOK, "symbol": "tETHUSD"})
    assert not control.refuses(subscribed(5, BOOK), BOOK)


@pytest.mark.parametrize("more", [{"code": 20051}, {"code": 20061}, {"platform": {"status": 0}}])
def test_an_announced_restart_renews_every_subscription(more: dict[str, Any]) -> None:
    reason = control.refusal({"event": "info", **more})
    assert reason is not None
    assert reason.startswith("the exchange")


@pytest.mark.parametrize(
    "message",
    [{"event": "info", "version": 2, "serverId": "x", "platform": {"status": 1}},
     {"event": "info", "code": 20060, "msg": "…"}, subscribed(5, BOOK),
     {"event": "conf", "status": "OK", "flags": 196608}],
)  # fmt: skip
def test_other_answers_refuse_nothing(message: Any) -> None:
    assert control.refusal(message) is None


def test_a_ticker_has_its_change_in_percent_and_its_own_bid_and_ask() -> None:
    raw = [232953, [0.0371, 92097.64238255, 0.038797, 45955.90519262, -0.000874, -0.0221, 0.03876,
                    21929.955, 0.040622, 0.036637], 7]  # fmt: skip
    (made,) = parsers.tickers(raw, *AT)
    assert (made.bid, made.ask, made.last, made.volume) == (0.0371, 0.038797, 0.03876, 21929.955)
    assert (made.high, made.low, made.change_percent) == (0.040622, 0.036637, -2.21)
    assert made.timestamp is None


def test_a_heartbeat_has_no_event() -> None:
    for parse in (parsers.tickers, parsers.trades, parsers.candles):
        assert parse([5, "hb", 1], *AT) == ()


def test_earlier_trades_come_oldest_first_and_each_later_one_once() -> None:
    newest, older = [401597393, 1574694475039, 0.005, 7244.9], [401597392, 1574694475039, -0.1, 7]
    made = parsers.trades([17470, [newest, older], 3], *AT)
    assert [(one.id, one.side, one.size) for one in made] == [
        (401597392, "sell", 0.1), (401597393, "buy", 0.005),
    ]  # fmt: skip
    (one,) = parsers.trades([17470, "te", newest, 4], *AT)
    assert (one.id, one.price, one.timestamp) == (401597393, 7244.9, 1574694475039)
    assert parsers.trades([17470, "tu", newest, 5], *AT) == ()
    assert parsers.trades([17470, [], 3], *AT) == []


def test_a_candle_is_the_changed_or_the_newest_one() -> None:
    row = [1574698260000, 7379.785, 7383.8, 7388.3, 7379.7, 1.68829482]
    older = [1574698200000, 1, 1, 1, 1, 1]
    for content in (row, [row, older]):
        (made,) = parsers.candles([343351, content, 2], *AT)
        assert (made.open_time, made.open, made.close) == (1574698260000, 7379.785, 7383.8)
        assert (made.high, made.low, made.volume) == (7388.3, 7379.7, 1.68829482)
    assert parsers.candles([343351, [], 2], *AT) == ()


def test_every_recorded_ticker_and_trade_is_read() -> None:
    router, taken = Router(), {"ticker": 0, "trade": 0}
    for _, raw in received("venues/bitfinex.jsonl.zst"):
        channel = router(raw)
        if channel == "ticker":
            for made in parsers.tickers(raw, *AT):
                assert (made.bid, made.ask, made.last) == (raw[1][0], raw[1][2], raw[1][6])
                taken["ticker"] += 1
        elif channel == "trade":
            taken["trade"] += len(parsers.trades(raw, *AT))
    assert taken == {"ticker": 21, "trade": 210}


@pytest.mark.parametrize(
    ("id_", "symbol"),
    [("tBTCUSD", "BTC/USD"), ("tAVAX:UST", "AVAX/USDT"), ("tBTCF0:USTF0", "BTC/USDT:USDT"),
     ("tIOTETH", "IOTA/ETH"), ("tTESTBTC:TESTUSD", "TESTBTC/TESTUSD")],
)  # fmt: skip
def test_an_id_has_one_symbol(id_: str, symbol: str) -> None:
    assert symbols_of("bitfinex", id_) == [symbol]

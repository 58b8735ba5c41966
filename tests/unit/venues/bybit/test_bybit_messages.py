"""Bybit's raw messages: equal events through both readers, and the state of a connection."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import zstandard
from conftest import real_recording
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from feedd.venues.bybit import listing, messages, native, truth
from feedd.venues.bybit.played import BybitReader
from feedd.venues.bybit.raw_channels import RAW_CHANNELS
from feedd.venues.native import UNREADABLE, NoSnapshotError

T = 1_672_304_484_978
MARKET = native.MARKETS["linear"]
MESSAGES: dict[str, dict[str, Any]] = {
    # https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook and the pages beside it
    "quote": {"topic": "orderbook.1.BTCUSDT", "ts": T, "type": "snapshot", "data": {
        "s": "BTCUSDT", "b": [["16493.50", "0.006"]], "a": [["16611.00", "0.029"]],
        "u": 18521288, "seq": 7961638724}, "cts": T},
    "trade": {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": T, "data": [
        {"T": T - 3, "s": "BTCUSDT", "S": "Buy", "v": "0.001", "p": "16578.50", "L": "PlusTick",
         "i": "20f43950-d8dd-5b31-9112-a178eb6023af", "BT": False, "seq": 1783284617},
        {"T": T - 2, "s": "BTCUSDT", "S": "Sell", "v": "2", "p": "16578.00",
         "i": "2280000001739247417", "BT": False, "seq": 1783284618}]},
    "ticker": {"topic": "tickers.BTCUSDT", "type": "snapshot", "data": {
        "symbol": "BTCUSDT", "price24hPcnt": "0.017103", "lastPrice": "17216.00",
        "highPrice24h": "17281.50", "lowPrice24h": "16915.00", "volume24h": "91705.276",
        "bid1Price": "17215.50", "bid1Size": "84.489", "ask1Price": "17216.00",
        "ask1Size": "83.020", "preOpenPrice": ""}, "cs": 24987956059, "ts": T},
    "candle": {"topic": "kline.5.BTCUSDT", "data": [{
        "start": 1672324800000, "end": 1672325099999, "interval": "5", "open": "16649.5",
        "close": "16677", "high": "16677", "low": "16608", "volume": "2.081",
        "turnover": "34666.4005", "confirm": False, "timestamp": T}], "ts": T,
        "type": "snapshot"},
    "liquidation": {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": T, "data": [
        {"T": T - 9, "s": "BTCUSDT", "S": "Sell", "v": "20000", "p": "0.04499"}]},
}  # fmt: skip


def through_native(channel: str, text: str) -> list[dict[str, Any]]:
    payload = text.encode()
    message = MARKET.read(payload)
    of = MARKET.channels[channel]
    assert type(message) in of.messages
    assert message.market_id == "BTCUSDT"
    assert of.converter is not None
    found = of.converter("bybit", "BTC/USDT:USDT", "5m")(message, payload, 7)
    events = found if of.several else [found]
    return [asdict(one[2] if isinstance(one, tuple) else one) for one in events]


def through_ccxt(channel: str, text: str) -> list[dict[str, Any]]:
    raw = RAW_CHANNELS[channel]
    parse = raw.parse if raw.make is None else raw.make()
    return [asdict(one) for one in parse(json.loads(text), "bybit", "BTC/USDT:USDT", 7, "5m")]


def both(channel: str, text: str) -> list[dict[str, Any]] | None:
    """Return the events, equal through both sources; None where both reject the message."""
    found = []
    for read in (through_native, through_ccxt):
        try:
            found.append(read(channel, text))
        except UNREADABLE:
            found.append(None)  # type: ignore[arg-type]
    assert found[0] == found[1]
    return found[0]


def text_of(channel: str, **changed: str) -> str:
    """Return a channel's message with raw JSON in the place of some keys' values."""
    message = json.loads(json.dumps(MESSAGES[channel]))
    data = message["data"][0] if isinstance(message["data"], list) else message["data"]
    for key, raw in changed.items():
        if channel == "quote" and key in {"b", "a"}:
            data[key][0][0] = f"<<{raw}>>"
        else:
            (data if key in data else message)[key] = f"<<{raw}>>"
    text = json.dumps(message)
    for raw in changed.values():
        text = text.replace(json.dumps(f"<<{raw}>>"), raw)
    return text


def test_the_documented_messages_are_read() -> None:
    (quote,) = both("quote", text_of("quote")) or []
    assert [quote[key] for key in ("bid", "bid_size", "ask", "ask_size", "id", "timestamp")] == [
        16493.5, 0.006, 16611.0, 0.029, 18521288, T,
    ]  # fmt: skip
    trades = both("trade", text_of("trade")) or []
    assert [(one["id"], one["side"], one["timestamp"]) for one in trades] == [
        ("20f43950-d8dd-5b31-9112-a178eb6023af", "buy", T - 3),
        (2280000001739247417, "sell", T - 2),
    ]
    (ticker,) = both("ticker", text_of("ticker")) or []
    assert [ticker[key] for key in ("last", "volume", "bid", "ask", "change_percent")] == [
        17216.0, 91705.276, 17215.5, 17216.0, 1.7103,
    ]  # fmt: skip
    (candle,) = both("candle", text_of("candle")) or []
    assert (candle["open_time"], candle["closed"]) == (1672324800000, False)
    (liquidation,) = both("liquidation", text_of("liquidation")) or []
    assert liquidation["side"] == "buy"  # the order's: a short position was closed


PRICES = {"quote": "b", "trade": "p", "ticker": "lastPrice", "candle": "open", "liquidation": "p"}
FIELDS = {"quote": "bid", "trade": "price", "ticker": "last", "candle": "open",
          "liquidation": "price"}  # fmt: skip


@pytest.mark.parametrize("channel", MESSAGES)
@pytest.mark.parametrize(
    ("raw", "value"),
    [('"61800.20"', 61800.2), ("61800.20", 61800.2), ('"1.25E-7"', 1.25e-7), ('"+1.5"', 1.5),
     ('".5"', 0.5), ('"01.50"', 1.5)],
)  # fmt: skip
def test_a_number_is_the_same_in_each_of_its_forms(channel: str, raw: str, value: float) -> None:
    events = both(channel, text_of(channel, **{PRICES[channel]: raw}))
    assert events is not None
    assert events[0][FIELDS[channel]] == value


@pytest.mark.parametrize("channel", MESSAGES)
@pytest.mark.parametrize(
    "raw", ["true", '"NaN"', '"Infinity"', "1e400", '"1_000"', '" 1"', '"٣"', "[1]", "{}", '"-1"']
)
def test_what_is_no_price_is_rejected(channel: str, raw: str) -> None:
    if channel == "candle" and raw == '"-1"':
        return  # a candle's prices may be of anything
    assert both(channel, text_of(channel, **{PRICES[channel]: raw})) is None


@pytest.mark.parametrize("channel", MESSAGES)
def test_another_order_of_the_keys_changes_nothing(channel: str) -> None:
    message = MESSAGES[channel]
    reordered = {"x": [1], **dict(reversed(message.items()))}
    assert both(channel, json.dumps(reordered)) == both(channel, json.dumps(message))


def test_an_empty_side_has_neither_price_nor_size() -> None:
    message = json.loads(text_of("quote"))
    message["data"]["b"] = []
    (quote,) = both("quote", json.dumps(message)) or []
    assert (quote["bid"], quote["bid_size"], quote["ask"]) == (None, None, 16611.0)


@pytest.mark.parametrize(
    ("payload", "meaning", "request_id", "refusal"),
    [
        (
            '{"success":true,"ret_msg":"","conn_id":"d","req_id":"4","op":"subscribe"}',
            "answer", 4, None,
        ),
        ('{"success":true,"ret_msg":"subscribe","conn_id":"d","op":"subscribe"}', "answer", None,
         None),
        ('{"success":false,"ret_msg":"error:x","req_id":"4","op":"subscribe"}', "answer", 4,
         "error:x"),
        (
            ('{"success":false,"ret_msg":"error:already subscribed,topic:x","req_id":"4",'
            '"op":"subscribe"}'),
            "answer", 4, None,
        ),
        ('{"success":true,"ret_msg":"pong","conn_id":"d","op":"ping"}', "pong", None, None),
        ('{"success":true,"ret_msg":"pong","req_id":"","op":"ping"}', "pong", None, None),
        ('{"topic":"publicTrade.BTCUSDT","data":5}', "event", None, None),
        ('{"anything":1}', "event", None, None),
    ],
)  # fmt: skip
def test_a_control_message_is_classified(
    payload: str, meaning: str, request_id: int | None, refusal: str | None
) -> None:
    with pytest.raises(UNREADABLE):
        MARKET.read(payload.encode())
    control = MARKET.control(payload.encode())
    assert (control.meaning, control.request_id, control.refusal) == (meaning, request_id, refusal)


# --- the state of a connection --------------------------------------------------------------------


def ticker_message(kind: str, at_ms: int, **data: str) -> messages.TickerMessage:
    text = {"topic": "tickers.X", "type": kind, "ts": at_ms, "data": {"symbol": "X", **data}}
    read: messages.TickerMessage = messages.read(json.dumps(text).encode())
    return read


NAMES = ("lastPrice", "highPrice24h", "lowPrice24h", "volume24h")
CHANGES = st.lists(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 99)), max_size=20)


@given(st.fixed_dictionaries({name: st.integers(1, 99) for name in NAMES}), CHANGES)
def test_a_ticker_is_the_snapshot_and_every_change_since(
    snapshot: dict[str, int], changes: list[dict[str, int]]
) -> None:
    maker, true = messages.TickerMaker("bybit", "X"), dict(snapshot)
    message = ticker_message("snapshot", 1, **{key: str(value) for key, value in true.items()})
    made = maker.ticker(message, 0)
    for number, change in enumerate(changes, 2):
        true |= change
        message = ticker_message("delta", number, **{k: str(v) for k, v in change.items()})
        made = maker.ticker(message, 0)
    assert [made.last, made.high, made.low, made.volume] == [float(true[name]) for name in NAMES]


def test_a_change_without_its_snapshot_or_overtaken_by_a_newer_one_makes_no_ticker() -> None:
    maker = messages.TickerMaker("bybit", "X")
    with pytest.raises(NoSnapshotError):
        maker.ticker(ticker_message("delta", 5, lastPrice="1"), 0)
    maker.ticker(ticker_message("snapshot", 5, lastPrice="1"), 0)
    maker.ticker(ticker_message("delta", 7, lastPrice="2"), 0)
    for _ in range(2):  # and none until the next snapshot
        with pytest.raises(NoSnapshotError):
            maker.ticker(ticker_message("delta", 6, lastPrice="3"), 0)
    assert maker.ticker(ticker_message("snapshot", 8, lastPrice="4"), 0).last == 4.0


LEVELS = st.dictionaries(st.integers(1, 5), st.integers(1, 9), max_size=1)


@given(st.lists(st.tuples(LEVELS, LEVELS), min_size=1, max_size=20))
def test_a_quote_follows_changes_of_the_first_level(
    tops: list[tuple[dict[int, int], dict[int, int]]],
) -> None:
    make = messages.quote_maker("bybit", "X")
    before: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for number, top in enumerate(tops, 1):
        sides = []
        for old, new in zip(before, top, strict=True):
            rows = dict.fromkeys(old.keys() - new.keys(), 0) | new if number > 1 else new
            sides.append([[str(price), str(size)] for price, size in rows.items()])
        text = {"topic": "orderbook.1.X", "type": "delta" if number > 1 else "snapshot",
                "ts": number, "data": {"s": "X", "b": sides[0], "a": sides[1], "u": number,
                                       "seq": number}}  # fmt: skip
        made = make(messages.read(json.dumps(text).encode()), b"", 0)
        bid, ask = (next(iter(side.items()), (None, None)) for side in top)
        assert (made.bid, made.bid_size, made.ask, made.ask_size) == (*bid, *ask)
        before = top


def test_a_change_of_a_quote_that_was_not_sent_makes_none() -> None:
    text = text_of("quote").replace("snapshot", "delta")
    with pytest.raises(NoSnapshotError):
        messages.quote_maker("bybit", "X")(messages.read(text.encode()), b"", 0)


@pytest.mark.parametrize(("levels", "channel"), [(1, "quote"), (50, "book"), (1000, "book")])
def test_the_first_level_is_the_quotes_in_a_truth_log(levels: int, channel: str) -> None:
    stream = truth.Reader().stream(f"orderbook.{levels}.BTCUSDT")
    assert stream is not None
    assert stream.channel == channel


# --- REST pages -----------------------------------------------------------------------------------


def test_the_names_of_a_real_list_are_those_of_an_independent_reading() -> None:
    path = real_recording("venues/bybit.jsonl.zst")
    pages = {}
    with path.open("rb") as file:
        for row in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file)):
            line = json.loads(row)
            if line["t"] == "http":
                pages[line["url"]] = line["data"]
    ours: dict[str, str] = {}
    for url, body in pages.items():
        category = "spot" if "category=spot" in url else "linear"
        assert listing.cursor(body.encode()) is None
        for market in listing.markets(body.encode()):
            ours[f"{category}:{market['id']}"] = market["symbol"]
    theirs = {one.id: one.symbol for one in BybitReader().markets(pages, ours)}
    assert len(ours) == 1357
    assert ours == theirs


def test_a_list_names_its_next_page_and_keeps_what_it_can_not_read_apart() -> None:
    body = json.dumps({"retCode": 0, "result": {"nextPageCursor": "first%3Dx", "list": [
        {"symbol": "A", "baseCoin": "A", "quoteCoin": "USDT", "status": "PreLaunch"},
        {"symbol": "B", "baseCoin": 5}, {"symbol": "C-X", "baseCoin": "C", "quoteCoin": "USDT",
                                         "contractType": "LinearFutures", "deliveryTime": "0"},
    ]}}).encode()  # fmt: skip
    assert listing.cursor(body) == "first%3Dx"
    first, *unreadable = listing.markets(body)
    assert first == {"symbol": "A/USDT", "id": "A", "active": False, "status": "PreLaunch"}
    assert [one["symbol"] for one in unreadable] == [None, None]
    assert [one["id"] for one in unreadable] == ["B", "C-X"]
    following = MARKET.listing.following
    assert following is not None
    assert "cursor=first%253Dx" in following(body).path  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("code", "rejects"),
    [(10003, "key"), (33004, "key"), (10002, "clock"), (10001, "symbol"), (10006, None)],
)
def test_a_refusal_is_found_in_an_answer_with_status_200(code: int, rejects: str | None) -> None:
    error = MARKET.error(json.dumps({"retCode": code, "retMsg": "no", "result": {}}).encode())
    assert error is not None
    assert error.rejects == rejects
    assert MARKET.error(b'{"retCode":0,"retMsg":"OK","result":{}}') is None
    assert MARKET.error(b"<html>") is None

"""OKX natively: the same events as through ccxt, and the requests and answers of its pages."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import asdict
from okx_messages import ARGS, CANDLE, LIQUIDATION, MARK, QUOTE, SNAPSHOT, TICKER, TRADE, UPDATE

from feedd.model import Trade
from feedd.venues.market_ids import symbols_of
from feedd.venues.native import Control, Keyed, native_market
from feedd.venues.okx import book, frames, listing, parsers
from feedd.venues.okx.market_ids import market_id

SWAP = native_market("okx", "BTC/USDT:USDT")
SPOT = native_market("okx", "BTC/USDT")
PARSERS: dict[str, Any] = {
    "quote": parsers.quotes, "trade": parsers.trades, "ticker": parsers.tickers,
    "candle": parsers.candles, "mark": parsers.marks,
}  # fmt: skip
MESSAGES = {
    "quote": QUOTE, "trade": TRADE, "ticker": TICKER, "candle": CANDLE, "mark": MARK,
    "snapshot": SNAPSHOT, "update": UPDATE,
}  # fmt: skip


def natively(channel: str, text: str) -> tuple[Any, list[Any]]:
    """Return a decoded message, and what its converter makes of it."""
    payload = text.encode()
    message = SWAP.read(payload)
    spec = SWAP.channels[channel]
    assert type(message) in spec.messages
    assert spec.converter is not None
    found = spec.converter("okx", ARGS[1], ARGS[3])(message, payload, ARGS[2])
    events = found if spec.several else [found]
    return message, [one.event if isinstance(one, Keyed) else one for one in events]


def texts(message: Any) -> list[str]:
    """Return a message as compact JSON, as other JSON, and with numbers in unusual forms."""
    arg = message["arg"]
    unusual = json.dumps({**message, "arg": {**arg, "further": [1]}}, separators=(",", ":"))
    return [json.dumps(message, separators=(",", ":")), json.dumps(message, indent=1), unusual]


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("form", [0, 1, 2])
def test_both_sources_make_the_same_events_of_a_message(name: str, form: int) -> None:
    message = MESSAGES[name]
    channel = "book" if name in {"snapshot", "update"} else name
    decoded, events = natively(channel, texts(message)[form])
    assert decoded.market_id == message["arg"]["instId"]
    if channel == "book":
        assert events == [book.to_depth(message)]
        return
    expected = PARSERS[channel](message, *ARGS)
    assert events == expected
    assert [type(one) for one in events] == [type(one) for one in expected]
    if isinstance(events[0], Trade):
        assert asdict(events[0]) == asdict(expected[0])


@pytest.mark.parametrize("change", [
    {"seqId": 12345678901234567890123}, {"ts": 1670324386802}, {"bids": [["+111.050", "1e3"]]},
    {"bids": []}, {"seqId": "363996337"},
])  # fmt: skip
def test_a_quote_in_an_unusual_form_is_read_as_through_ccxt(change: dict[str, Any]) -> None:
    message = {**QUOTE, "data": [{**QUOTE["data"][0], **change}]}
    payload = json.dumps(message, separators=(",", ":")).encode()
    try:
        decoded = frames.read(payload)
    except ValueError:
        decoded = frames.reread(payload)
    converter = SWAP.channels["quote"].converter
    assert converter is not None
    quote = converter("okx", ARGS[1], ARGS[3])(decoded, payload, ARGS[2])
    assert [quote] == parsers.quotes(message, *ARGS)


@pytest.mark.parametrize("change", [
    {"px": "0"}, {"px": "-1"}, {"sz": "0"}, {"sz": "nan"}, {"side": "BUY?"}, {"count": "0"},
    {"tradeId": "x"}, {"ts": None},
])  # fmt: skip
def test_a_malformed_trade_is_rejected_by_both(change: dict[str, Any]) -> None:
    message = {**TRADE, "data": [{**TRADE["data"][0], **change}]}
    with pytest.raises((ValueError, TypeError, LookupError)):
        natively("trade", json.dumps(message, separators=(",", ":")))
    with pytest.raises((ValueError, TypeError, LookupError)):
        parsers.trades(message, *ARGS)


def test_the_key_of_a_snapshot_names_no_message_before() -> None:
    converter = SWAP.channels["book"].converter
    assert converter is not None
    convert = converter("okx", ARGS[1], ARGS[3])
    for message, before in ((SNAPSHOT, None), (UPDATE, 123456)):
        payload = json.dumps(message).encode()
        keyed = convert(frames.read(payload), payload, 7)
        assert (keyed.key, keyed.before) == (message["data"][0]["seqId"], before)


def test_liquidations_of_every_market_are_selected_by_the_symbol() -> None:
    payload = json.dumps(LIQUIDATION).encode()
    message = SWAP.decode(payload)
    assert {message.market_id == "BTC-USDT-SWAP", message.market_id == "X"} == {True}
    converter = SWAP.channels["liquidation"].converter
    assert converter is not None
    found = converter("okx", "IOST/USDT:USDT", "1m")(message, payload, 7)
    assert [keyed.event.side for keyed in found] == ["buy", "sell"]
    assert converter("okx", "BTC/USDT:USDT", "1m")(message, payload, 7) == []


@pytest.mark.parametrize(
    "id_", ["BTC-USDT", "BTC-USDT-SWAP", "BTC-USD-SWAP", "BTC-USD-260327", "AE-USDC-SWAP"]
)
def test_an_id_follows_from_its_symbol(id_: str) -> None:
    (symbol,) = symbols_of("okx", id_)
    assert market_id("okx", symbol) == id_


@pytest.mark.parametrize(("text", "control"), [
    ("pong", Control("pong")),
    ('{"id":"7","event":"subscribe","arg":{"channel":"books","instId":"X"},"connId":"a"}',
     Control("answer", 7)),
    ('{"event":"subscribe","arg":{"channel":"books","instId":"X"},"connId":"a"}',
     Control("answer", None)),
    ('{"id":"7","event":"error","code":"60018","msg":"no X","connId":"a"}',
     Control("answer", 7, "no X (code 60018)")),
    ('{"event":"notice","code":"64008","msg":"… Please reconnect.","connId":"a"}',
     Control("closing")),
    ('{"arg":{"channel":"books","instId":"X"},"action":"update","data":[{}]}',
     Control("event", channel="book")),
    ('{"arg":{"channel":"candle1m","instId":"X"},"data":[{}]}', Control("event", channel="candle")),
])  # fmt: skip
def test_a_text_that_is_no_event_is_classified(text: str, control: Control) -> None:
    assert SWAP.control(text.encode()) == control


@pytest.mark.parametrize("text", ["x", "[1]", '"pong"'])
def test_a_text_that_is_nothing_known_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SWAP.control(text.encode())


def test_requests_have_an_id_and_name_the_stream() -> None:
    stream = SWAP.stream("book", "BTC-USDT-SWAP", "1m", 20)
    assert json.loads(SWAP.subscribe(stream, 7)) == {
        "id": "7", "op": "subscribe", "args": [{"channel": "books", "instId": "BTC-USDT-SWAP"}],
    }  # fmt: skip
    stream = SWAP.stream("candle", "BTC-USDT-SWAP", "1h", 20)
    assert json.loads(SWAP.unsubscribe(stream, 8))["args"][0]["channel"] == "candle1H"
    stream = SWAP.stream("liquidation", "BTC-USD-260327", "1m", 20)
    assert json.loads(SWAP.subscribe(stream, 9))["args"] == [
        {"channel": "liquidation-orders", "instType": "FUTURES"}
    ]


def test_missed_trades_are_requested_and_read() -> None:
    assert SPOT.trades is not None
    request = SPOT.trades.request("BTC-USDT", 1000, None)
    url = urlsplit(request.path)
    assert (url.path, parse_qs(url.query)["after"]) == ("/api/v5/market/history-trades", ["1100"])
    row = {
        "instId": "BTC-USDT", "side": "sell", "sz": "0.00001", "px": "29963.2", "tradeId": "1000",
        "ts": "1654161646974",
    }  # fmt: skip
    body = json.dumps({"code": "0", "msg": "", "data": [row]}).encode()
    ((number, trade),) = SPOT.trades.parse(body, "okx", "BTC/USDT", 7)
    assert trade is not None
    assert (number, trade.price) == (1000, 29963.2)
    with pytest.raises(ValueError, match="code 50011: Too many"):
        SPOT.trades.parse(b'{"code":"50011","msg":"Too many requests","data":[]}', "okx", "X", 7)


def test_the_list_of_markets_has_unified_symbols_and_states() -> None:
    entries = [
        {"instId": "BTC-USDT", "instType": "SPOT", "baseCcy": "BTC", "quoteCcy": "USDT",
         "state": "live", "uly": "", "settleCcy": ""},
        {"instId": "BTC-USD-220527", "instType": "FUTURES", "uly": "BTC-USD", "settleCcy": "BTC",
         "expTime": "1653638400000", "state": "suspend"},
        {"instId": "X-USDT-SWAP", "instType": "SWAP", "state": "preopen"},
        {"instId": "AE-USDT-SWAP", "instType": "SWAP", "uly": "AE-USDT", "settleCcy": "USDT",
         "state": "live"},
    ]  # fmt: skip
    body = json.dumps({"code": "0", "msg": "", "data": entries}).encode()
    assert SPOT.listing.parse(body) == [
        {"symbol": "BTC/USDT", "id": "BTC-USDT"},
        {"symbol": "BTC/USD:BTC-220527", "id": "BTC-USD-220527", "active": False,
         "status": "suspend"},
        {"symbol": None, "id": "X-USDT-SWAP", "unreadable": "settleCcy is None"},
        {"symbol": "AET/USDT:USDT", "id": "AE-USDT-SWAP"},
    ]  # fmt: skip
    assert listing.entry_status(entries[1]) == "suspend"


@pytest.mark.parametrize(("code", "rejects"), [
    ("51001", "symbol"), ("50111", "key"), ("50104", "key"), ("50102", "clock"), ("50011", None),
])  # fmt: skip
def test_an_error_names_what_it_rejects(code: str, rejects: str | None) -> None:
    error = SPOT.error(json.dumps({"code": code, "msg": "why", "data": []}).encode())
    assert error is not None
    assert (error.text, error.rejects) == (f"code {code}: why", rejects)
    assert SPOT.error(b"<html>") is None


def test_each_type_of_market_has_its_list_and_its_host() -> None:
    assert SPOT.listing.request.path.endswith("instType=SPOT")
    assert SWAP.listing.request.path.endswith("instType=SWAP")
    future = native_market("okx", "BTC/USD:BTC-260327")
    assert future.listing.request.path.endswith("instType=FUTURES")
    assert "mark" in future.channels
    assert "mark" not in SPOT.channels
    assert native_market("okxus", "BTC/USDT").addresses.rest == "https://us.okx.com"
    signed = SPOT.account(("key", "secret"), 1_700_000_000_000)
    assert signed.headers["OK-ACCESS-TIMESTAMP"] == "2023-11-14T22:13:20.000Z"

"""Hyperliquid natively: the same events as through ccxt, its answers, and its lists of markets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hyperliquid_messages import ARGS, BBO, BOOK, CANDLE, CTX, TRADES
from msgspec.structs import asdict

from feedd.errors import ConfigError
from feedd.venues.hyperliquid import book, parsers
from feedd.venues.native import Control, Keyed, native_market

MARKET = native_market("hyperliquid", ARGS[1])
SPOT = native_market("hyperliquid", "PURR/USDC")
PARSERS: dict[str, Any] = {
    "quote": parsers.quotes, "trade": parsers.trades, "ticker": parsers.tickers,
    "candle": parsers.candles, "mark": parsers.marks,
}  # fmt: skip
MESSAGES = {
    "mark": CTX,
    "quote": BBO,
    "trade": TRADES,
    "ticker": CTX,
    "candle": CANDLE,
    "book": BOOK,
}
SUBSCRIPTION = {"type": "trades", "coin": "BTC"}


def natively(channel: str, payload: bytes, *, slowly: bool) -> tuple[Any, list[Any]]:
    """Return a decoded message, and what its converter makes of it."""
    assert MARKET.reread is not None
    message = (MARKET.reread if slowly else MARKET.read)(payload)
    spec = MARKET.channels[channel]
    assert type(message) in spec.messages
    assert spec.converter is not None
    found = spec.converter(ARGS[0], ARGS[1], ARGS[3])(message, payload, ARGS[2])
    events = found if spec.several else [found]
    return message, [one.event if isinstance(one, Keyed) else one for one in events]


@pytest.mark.parametrize("channel", MESSAGES)
@pytest.mark.parametrize("slowly", [False, True])
def test_both_sources_make_the_same_events_of_a_message(channel: str, slowly: bool) -> None:
    message = MESSAGES[channel]
    decoded, events = natively(channel, json.dumps(message).encode(), slowly=slowly)
    assert decoded.market_id == "BTC"
    if channel == "book":
        assert events == [book.to_depth(message)]
    else:
        expected = PARSERS[channel](message, *ARGS)
        assert [asdict(one) for one in events] == [asdict(one) for one in expected]


def test_a_spot_markets_ticker_and_a_quote_of_one_side_are_read() -> None:
    spot = json.dumps({**CTX, "channel": "activeSpotAssetCtx"}).encode()
    assert natively("ticker", spot, slowly=False)[1] == parsers.tickers(CTX, *ARGS)
    one_side = {**BBO, "data": {**BBO["data"], "bbo": [None, BBO["data"]["bbo"][1]]}}
    (quote,) = natively("quote", json.dumps(one_side).encode(), slowly=False)[1]
    assert [quote] == parsers.quotes(one_side, *ARGS)


def test_a_first_page_without_trades_is_of_any_market() -> None:
    message, events = natively("trade", b'{"channel":"trades","data":[]}', slowly=False)
    assert (message.market_id == "BTC", events) == (True, [])


@pytest.mark.parametrize("change", [{"px": "0"}, {"sz": "-1"}, {"side": "C"}, {"tid": "x"}])
def test_a_malformed_trade_is_rejected_by_both(change: dict[str, Any]) -> None:
    message = {**TRADES, "data": [{**TRADES["data"][0], **change}]}
    for slowly in (False, True):
        with pytest.raises((ValueError, TypeError, LookupError)):
            natively("trade", json.dumps(message).encode(), slowly=slowly)


def answer(text: str) -> Control:
    return MARKET.control(text.encode())


def test_an_answer_repeats_the_request_with_more_keys() -> None:
    for method, request in (("subscribe", MARKET.subscribe), ("unsubscribe", MARKET.unsubscribe)):
        text = request(MARKET.stream("book", "BTC", "1m", 20), 7)
        more = {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "mantissa": None}
        data = {"method": method, "subscription": more}
        response = json.dumps({"channel": "subscriptionResponse", "data": data})
        assert answer(response) == Control("answer", request=text)
    candle = MARKET.subscribe(MARKET.stream("candle", "BTC", "5m", 20), 7)
    assert json.loads(candle) == {
        "method": "subscribe",
        "subscription": {"type": "candle", "coin": "BTC", "interval": "5m"},
    }


@pytest.mark.parametrize(
    ("words", "method", "refused"),
    [
        ("Invalid subscription ", "subscribe", True),
        ("Already subscribed: ", "subscribe", False),
        ("Already unsubscribed: ", "unsubscribe", False),
    ],
)
def test_a_refusal_names_the_request(words: str, method: str, refused: bool) -> None:
    text = words + json.dumps(SUBSCRIPTION)
    control = answer(json.dumps({"channel": "error", "data": text}))
    request = json.dumps({"method": method, "subscription": SUBSCRIPTION}, separators=(",", ":"))
    assert control == Control("answer", None, text if refused else None, None, request.encode())


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("Websocket connection established.", Control("pong")),
        ('{"channel":"pong"}', Control("pong")),
        ('{"channel":"l2Book","data":{}}', Control("event", channel="book")),
        ('{"channel":"notification","data":{}}', Control("event")),
        ('{"channel":"error","data":"Cannot track more than 10 total users."}',
         Control("answer", None, "Cannot track more than 10 total users.")),
    ],
)  # fmt: skip
def test_a_text_that_is_no_event_is_classified(text: str, control: Control) -> None:
    assert answer(text) == control


def test_the_lists_have_unified_symbols() -> None:
    request = MARKET.listing.request
    assert (request.path, json.loads(request.body)) == ("/info", {"type": "meta"})
    universe = [{"name": "BTC"}, {"name": "kPEPE"}, {"name": "MATIC", "isDelisted": True}, {}]
    assert MARKET.listing.parse(json.dumps({"universe": universe}).encode()) == [
        {"symbol": "BTC/USDC:USDC", "id": "BTC"},
        {"symbol": "KPEPE/USDC:USDC", "id": "kPEPE"},
        {"symbol": "MATIC/USDC:USDC", "id": "MATIC", "active": False, "status": "delisted"},
        {"symbol": None, "id": "", "unreadable": "it has no name"},
    ]
    tokens = [{"name": "USDC"}, {"name": "PURR"}, {"name": "UBTC"}]
    pairs = [
        {"name": "PURR/USDC", "tokens": [1, 0]}, {"name": "@142", "tokens": [2, 0]},
        {"name": "@9", "tokens": [7, 0]},
    ]  # fmt: skip
    parsed = SPOT.listing.parse(json.dumps({"tokens": tokens, "universe": pairs}).encode())
    assert parsed[:2] == [
        {"symbol": "PURR/USDC", "id": "PURR/USDC"}, {"symbol": "BTC/USDC", "id": "@142"},
    ]  # fmt: skip
    assert "IndexError" in parsed[2]["unreadable"]
    with pytest.raises(ValueError, match="no universe"):
        MARKET.listing.parse(b"[]")


def test_a_perpetual_of_another_operator_needs_ccxt() -> None:
    with pytest.raises(ConfigError, match="ccxt"):
        native_market("hyperliquid", "XYZ-NVDA/USDC:USDC")

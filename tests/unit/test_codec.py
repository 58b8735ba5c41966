"""The payloads, byte for byte as the wire format defines them."""

import msgpack

from feedd.clock import iso8601
from feedd.codec import decode, encode
from feedd.model import Quote, Ticker, Trade

ENVELOPE = {
    "symbol", "timestamp", "exchange", "received_ns", "published_ns", "session", "seq", "id",
}  # fmt: skip


def test_a_ticker_begins_with_the_ten_keys_in_order() -> None:
    ticker = Ticker(
        "BTC/USDT:USDT", 1, iso8601(1), 1.0, 2.0, 1.5, None, None, None, None, 1.0, "quote",
        "binanceusdm", 5,
    )  # fmt: skip
    payload = msgpack.unpackb(encode(ticker))
    assert list(payload)[:12] == [
        "symbol", "timestamp", "datetime", "bid", "ask", "last", "volume", "high", "low",
        "change_percent", "spread", "bid_ask",
    ]  # fmt: skip
    assert payload.keys() >= ENVELOPE


def test_quotes_and_trades_have_the_documented_keys() -> None:
    quote = decode(encode(Quote("S", 1, 1.0, 2.0, 3.0, 4.0, "x", 5)))
    assert quote.keys() == ENVELOPE | {"bid", "bid_size", "ask", "ask_size"}
    trade = decode(encode(Trade("S", 1, 1.0, 2.0, "buy", "x", 5, id=7)))
    assert trade.keys() == ENVELOPE | {"price", "size", "side"}
    assert trade["id"] == 7


def test_prices_are_float64_and_unknown_is_nil() -> None:
    raw = encode(Quote("S", None, 61800.2, None, 61800.0, 4.0, "x", 5))
    assert msgpack.unpackb(raw)["bid"] == 61800.2
    assert b"\xa3bid\xcb" in raw  # 0xcb: float 64
    assert b"\xa3ask\xcb" in raw  # a whole number too
    assert b"\xa8bid_size\xc0" in raw  # 0xc0: nil

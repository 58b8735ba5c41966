"""The payloads, byte for byte what the design of the wire says."""

from datetime import UTC, datetime

import msgpack
from hypothesis import given
from hypothesis import strategies as st

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


def test_time_is_written_with_its_milliseconds_in_utc() -> None:
    assert iso8601(1723161256299) == "2024-08-08T23:54:16.299Z"
    assert iso8601(1723161256000) == "2024-08-08T23:54:16.000Z"


@given(st.lists(st.integers(0, 253_402_300_799_998), max_size=40))
def test_time_is_written_as_pythons_own_datetime_writes_it(times_ms: list[int]) -> None:
    for time_ms in times_ms:
        for at in (time_ms, time_ms + 1):  # of one second, mostly
            expected = datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=at % 1000 * 1000)
            assert iso8601(at) == expected.isoformat(timespec="milliseconds")[:-6] + "Z"

"""Events that the ccxt source makes of ccxt's structures."""

from __future__ import annotations

import importlib
import time
from typing import Any

from recorded_callbacks import RecordedCallbacks

from feedd.numbers import exchange_id
from feedd.sources.base import Backoff
from feedd.sources.ccxt.delivery import Delivery
from feedd.sources.ccxt.source import CcxtSource
from feedd.venues.contract import Venue


def delivery(sink: RecordedCallbacks) -> Delivery:
    venue = Venue(quote_id=lambda message: message["u"])
    return Delivery(
        "x", "A/B", venue, sink, market_id=lambda: "AB", backoff={"candle": Backoff(),
        "quote": Backoff()}, books=None, trades=None, book_depth=5, timeframe="1m",
        book_failed=print,
    )  # fmt: skip


def row(open_time: int, close: float) -> list[Any]:
    return [open_time, 1.0, 2.0, 0.5, close, 7.0]


def test_a_candle_that_closes_after_the_next_has_begun_is_published() -> None:
    sink = RecordedCallbacks()
    take = delivery(sink).take["candle"]
    rows = [row(0, 1.0), row(60, 1.1)]
    take(rows, None, 1)  # ccxt's cache may begin with older ones
    rows.append(row(120, 1.2))
    take(rows, None, 2)
    rows[1] = row(60, 1.15)
    take(rows, None, 3)
    take(rows, None, 4)  # an update without a change
    assert [(one.open_time, one.close) for one in sink.ticks] == [  # type: ignore[union-attr]
        (60, 1.1), (120, 1.2), (60, 1.15), (120, 1.2)
    ]  # fmt: skip


def test_another_quote_with_the_id_of_the_last_is_published_and_a_repeated_one_is_not() -> None:
    sink = RecordedCallbacks()
    take = delivery(sink).take["quote"]
    for update, bid in (("5", 1.0), (5, 1.0), (5, 1.5), (6, 1.5)):
        parsed = {"timestamp": 1, "bid": bid, "bidVolume": 1.0, "ask": 2.0, "askVolume": 1.0}
        take(parsed, {"u": update}, 1)
    quotes = [(one.id, one.bid) for one in sink.ticks]  # type: ignore[union-attr]
    assert quotes == [(5, 1.0), (5, 1.5), (6, 1.5)]


def test_digits_are_a_number_unless_they_begin_with_a_0() -> None:
    for raw, expected in (
        ("5", 5), ("0", 0), (str(2**70), 2**70), ("007", "007"), ("20f43950-d8dd", "20f43950-d8dd"),
        ("٣", "٣"), (None, None), (7, 7), ("", ""),
    ):  # fmt: skip
        assert exchange_id(raw) == expected


def test_ccxts_throttle_follows_the_monotonic_clock_and_its_json_keeps_long_integers() -> None:
    """A step back of the wall clock would block every request for as long."""
    exchange = CcxtSource("binanceusdm", "BTC/USDT:USDT", ("quote",))._exchange
    throttler = importlib.import_module("ccxt.async_support.base.throttler")
    client = importlib.import_module("ccxt.async_support.base.ws.client")
    assert throttler.time is time.monotonic
    text = '{"id":12345678901234567890123}'
    assert client.json_parser.loads(text) == exchange.on_json_response(text) == {
        "id": 12345678901234567890123
    }  # fmt: skip

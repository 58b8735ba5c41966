"""Events that the ccxt source makes of ccxt's structures."""

from __future__ import annotations

import importlib
import time
from typing import Any

from recorded_callbacks import RecordedCallbacks

from feedd.model import Trade
from feedd.numbers import exchange_id
from feedd.sources.base import Backoff
from feedd.sources.ccxt.delivery import Delivery
from feedd.sources.ccxt.source import CcxtSource
from feedd.venues.contract import RawChannel, Venue
from feedd.venues.registry import venue as venue_of


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


def of_unknown(sink: RecordedCallbacks, venue: Venue | None = None) -> Delivery:
    return Delivery(
        "x", "A/B", venue or Venue(), sink, market_id=lambda: "AB",
        backoff={name: Backoff() for name in ("ticker", "quote", "trade")}, books=None,
        trades=None, book_depth=5, timeframe="1m", book_failed=print,
    )  # fmt: skip


def test_a_ticker_is_found_in_a_map_by_symbol() -> None:
    sink = RecordedCallbacks()
    ticker = dict.fromkeys(("bid", "ask", "baseVolume", "high", "low", "percentage"), 1.0)
    of_unknown(sink).take["ticker"]({"A/B": {**ticker, "last": 5.0, "timestamp": 7}}, None, 1)
    (one,) = sink.ticks
    assert (one.timestamp, one.last) == (7, 5.0)  # type: ignore[union-attr]


def parsed_trade(timestamp: int, trade_id: str | None = None) -> dict[str, Any]:
    return {"id": trade_id, "timestamp": timestamp, "price": 1.0, "amount": 2.0, "side": "buy"}


def test_a_doubled_message_of_trades_without_ids_is_published_once() -> None:
    sink = RecordedCallbacks()
    made = of_unknown(sink)
    cache: list[Any] = []
    for message in ({"sequence": 1}, {"sequence": 1}, {"sequence": 2}):
        cache.append(parsed_trade(5))
        made.take["trade"](cache, message, 1)
    assert len(sink.ticks) == 2  # that of the third message is another trade, with the same content


def test_a_doubled_raw_message_of_trades_without_ids_is_published_once() -> None:
    """MEXC's trades have none; its messages have the time at which they were sent."""

    def parse(message: Any, exchange: str, symbol: str, received_ns: int, _: str) -> list[Trade]:
        return [
            Trade(
                symbol=symbol, timestamp=5, price=price, size=2.0, side="buy", exchange=exchange,
                received_ns=received_ns, id=None,
            )
            for price in message["prices"]
        ]  # fmt: skip

    sink = RecordedCallbacks()
    made = of_unknown(sink, Venue(raw_channels={"trade": RawChannel(parse)}))
    first = {"time": 1, "prices": [1.0, 1.0]}
    for message in (first, dict(first), {**first, "time": 2}):
        made.take_raw(None, "trade", message, 1)
    assert len(sink.ticks) == 4


def test_a_page_of_a_new_subscription_repeats_no_trade() -> None:
    sink = RecordedCallbacks()
    made = of_unknown(sink)
    made.take["trade"]([parsed_trade(n, str(n)) for n in (3, 2, 1)], {"n": 1}, 1)
    made.begin("trade")
    made.take["trade"]([parsed_trade(n, str(n)) for n in (4, 3, 2)], {"n": 2}, 1)
    assert sink.ids("trade") == [1, 2, 3, 4]


def test_a_quote_that_a_newer_one_overtook_is_not_published() -> None:
    sink = RecordedCallbacks()
    venue = Venue(quote_id=lambda message: message["u"], grows={"quote": "id"})
    take = of_unknown(sink, venue).take["quote"]
    for update in (1, 3, 2, 4):
        parsed = {"timestamp": 1, "bid": 1.0, "bidVolume": 1.0, "ask": 2.0, "askVolume": 1.0}
        take(parsed, {"u": update}, 1)
    assert sink.ids("quote") == [1, 3, 4]


def test_a_message_of_several_markets_is_reduced_to_the_markets_own_events() -> None:
    """OKX's `liquidation-orders` has those of all contracts of a type, several in each row."""
    sink = RecordedCallbacks()
    venue = venue_of("okx", "BTC/USDT:USDT")
    its = Delivery(
        "okx", "BTC/USDT:USDT", venue, sink, market_id=lambda: "BTC-USDT-SWAP",
        backoff={"liquidation": Backoff()}, books=None, trades=None, book_depth=5, timeframe="1m",
        book_failed=print,
    )  # fmt: skip
    one = {"bkPx": "1.5", "side": "buy", "sz": "13", "ts": "1692266434010", "posSide": "short"}
    other = {"instId": "ETH-USDT-SWAP", "details": [one]}
    message = {
        "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
        "data": [other, {"instId": "BTC-USDT-SWAP", "details": [one, {**one, "sz": "2"}]}],
    }
    its.take_raw(None, "liquidation", message, 1)
    its.take_raw(None, "liquidation", {**message, "data": [other]}, 2)
    assert [one.size for one in sink.ticks] == [13.0, 2.0]  # type: ignore[union-attr]

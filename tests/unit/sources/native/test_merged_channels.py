"""Channels of the native source on two connections: what identifies an event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from recorded_callbacks import RecordedCallbacks

from feedd.channels import CHANNEL_NAMES
from feedd.sources.native.source import NativeSource
from feedd.venues.binance import messages

T = 1_723_161_240_000


class Connections:
    """A source with two connections, on which a test delivers messages."""

    def __init__(self, channel: str) -> None:
        source = NativeSource("binanceusdm", "BTC/USDT:USDT", CHANNEL_NAMES)
        self.sink = RecordedCallbacks()
        source._sink = self.sink
        source._event = self.sink.event
        self._handlers: dict[type, Any] = source._handlers
        self._ns = 0
        self.merge = source._merges[channel]
        for line in "ab":
            self.merge.opened(line)  # type: ignore[arg-type]

    def deliver(self, line: str, *payloads: dict[str, Any]) -> None:
        for payload in payloads:
            self._ns += 1_000_000
            text = json.dumps(payload).encode()
            message = messages.read(text)
            self._handlers[type(message)](line, message, text, self._ns)

    def both(self, *payloads: dict[str, Any]) -> None:
        for payload in payloads:
            self.deliver("a", payload)
            self.deliver("b", payload)


def kline(opened: int, at: int, close: str, *, closed: bool = False) -> dict[str, Any]:
    k = {"t": opened, "T": opened + 59_999, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 2, "o": "100",
         "c": close, "h": "101", "l": "99", "v": "1", "n": 2, "x": closed, "q": "1", "V": "1",
         "Q": "1", "B": "0"}  # fmt: skip
    return {"e": "kline", "E": at, "s": "BTCUSDT", "k": k}


def liquidation(at: int, price: str, size: str) -> dict[str, Any]:
    return {"e": "forceOrder", "E": at, "o": {
        "s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": size, "p": price, "ap": price,
        "X": "FILLED", "l": size, "z": size, "T": at}}  # fmt: skip


def ticker(at: int, last: str, *, last_trade: int = T) -> dict[str, Any]:
    return {"e": "24hrTicker", "E": at, "s": "BTCUSDT", "p": "1", "P": "1.0", "w": "100", "c": last,
            "Q": "1", "o": "99", "h": "101", "l": "98", "v": "1000", "q": "100000", "O": 1,
            "C": last_trade, "F": 1, "L": 2, "n": 2}  # fmt: skip


def mark(at: int, price: str) -> dict[str, Any]:
    return {"e": "markPriceUpdate", "E": at, "s": "BTCUSDT", "p": price, "i": "1", "P": "1",
            "r": "0.0001", "T": T}  # fmt: skip


def quote(update: int, bid: str, at: int = T) -> dict[str, Any]:
    return {"e": "bookTicker", "u": update, "s": "BTCUSDT", "b": bid, "B": "1", "a": "200",
            "A": "1", "T": at, "E": at}  # fmt: skip


def trade(trade_id: int, price: str = "10") -> dict[str, Any]:
    return {"e": "trade", "E": T, "T": T, "s": "BTCUSDT", "t": trade_id, "p": price, "q": "1",
            "X": "MARKET", "m": False}  # fmt: skip


@pytest.mark.parametrize("closes_at", [T + 61_500, T + 61_000, T + 59_999])
def test_a_candle_that_closes_after_the_next_has_begun_is_published_once(closes_at: int) -> None:
    world = Connections("candle")
    late = kline(T, closes_at, "123.45", closed=True)
    world.both(kline(T, T + 59_000, "100"), kline(T + 60_000, T + 61_000, "100"), late)
    world.both(kline(T + 60_000, T + 62_000, "101"))
    assert [(one.open_time, one.closed, one.close) for one in world.sink.ticks] == [
        (T, False, 100.0), (T + 60_000, False, 100.0), (T, True, 123.45), (T + 60_000, False, 101.0)
    ]  # fmt: skip
    assert world.sink.holes == []


@pytest.mark.parametrize(
    ("channel", "events"),
    [
        ("liquidation", [liquidation(T, "100", "1"), liquidation(T, "101", "1"),
                         liquidation(T, "101", "2")]),
        ("ticker", [ticker(T, "100"), ticker(T, "101")]),
        ("ticker", [ticker(T, "100", last_trade=T - 5), ticker(T, "100", last_trade=T - 4)]),
        ("mark", [mark(T, "100"), mark(T, "101")]),
        ("candle", [kline(T, T + 9, "100"), kline(T, T + 9, "101"),
                    kline(T, T + 9, "101", closed=True)]),
        ("mark", [mark(T + 2, "100"), mark(T + 1, "99"), mark(T, "98"), mark(T + 3, "97")]),
        ("quote", [quote(5, "1"), quote(5, "2"), quote(6, "3")]),
        ("quote", [quote(5, "1"), quote(2, "2"), quote(5, "3"), quote(6, "4")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ahead", ["both", "a", "b"])
def test_different_events_of_one_time_or_id_are_all_published_once(
    channel: str, events: list[dict[str, Any]], ahead: str
) -> None:
    world = Connections(channel)
    first = {
        "liquidation": liquidation(T - 9, "1", "1"),
        "ticker": ticker(T - 9, "1"),
        "mark": mark(T - 9, "1"),
        "candle": kline(T, T - 9, "1"),
        "quote": quote(1, "0.5"),
    }
    world.both(first[channel])
    if ahead == "both":
        world.both(*events)
    else:
        world.deliver(ahead, *events)
        world.deliver("ab".replace(ahead, ""), *events)
    assert len(world.sink.ticks) == 1 + len(events)
    assert len({repr(one) for one in world.sink.ticks}) == 1 + len(events)


def test_two_equal_liquidations_on_one_connection_are_two() -> None:
    world = Connections("liquidation")
    world.both(liquidation(T, "1", "1"))
    twice = [liquidation(T + 1, "100", "1")] * 2
    world.deliver("a", *twice)
    world.deliver("b", *twice)
    assert len(world.sink.ticks) == 3


def test_a_quote_repeated_with_its_id_and_content_is_published_once_on_one_connection() -> None:
    world = Connections("quote")
    world.merge.closed("b", "it broke")
    world.deliver("a", quote(1, "1"), quote(1, "1"), quote(1, "2"), quote(2, "3"))
    assert [one.bid for one in world.sink.ticks] == [1.0, 2.0, 3.0]  # type: ignore[union-attr]

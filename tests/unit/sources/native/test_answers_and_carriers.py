"""Answers that repeat the request, and messages that contain two channels, natively."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from recorded_callbacks import RecordedCallbacks

from feedd.sources.native.connection import NativeConnection
from feedd.sources.native.source import NativeSource
from feedd.venues.native import native_market

EXCHANGE, SYMBOL = "hyperliquid", "BTC/USDC:USDC"
CTX = {
    "channel": "activeAssetCtx",
    "data": {
        "coin": "BTC",
        "ctx": {
            "funding": "0.0000125", "prevDayPx": "80000.0", "dayNtlVlm": "1.0",
            "oraclePx": "85916.0", "markPx": "84000.0", "midPx": "84001.5", "dayBaseVlm": "2.5",
        },
    },
}  # fmt: skip


class Frame:
    """A text frame."""

    msg_type, fin, last_in_buffer = 1, True, True
    rsv1 = rsv2 = rsv3 = False

    def __init__(self, message: Any) -> None:
        self._payload = json.dumps(message).encode()

    def get_payload_as_bytes(self) -> bytes:
        return self._payload


class Line:
    """A connection without a socket, of a source that is not running."""

    def __init__(self, *channels: str) -> None:
        self.sink = RecordedCallbacks()
        self.source = NativeSource(EXCHANGE, SYMBOL, channels)
        self.source._sink, self.source._event = self.sink, self.sink.event
        self.market = native_market(EXCHANGE, SYMBOL)
        self.accepted: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self.connection = NativeConnection(
            self.market, "BTC", self.source._handlers,
            lambda _line, of, reason: self.sink.rejected([] if of is None else [of], reason),
            lambda _line, channel, why: self.refused.append((channel, why)),
            lambda _more: None, self.source._clock,
        )  # fmt: skip
        self.connection.accepted = self.accepted.append
        for channel in channels:
            self.source._merges[channel].opened(self.connection)
            stream = self.market.stream(channel, "BTC", "1m", 20)
            self.connection.subscribe(channel, stream)

    def receive(self, *messages: Any) -> None:
        for message in messages:
            self.connection.on_ws_frame(None, Frame(message))  # type: ignore[arg-type]


def answered(type_: str, method: str = "subscribe") -> dict[str, Any]:
    subscription = {"type": type_, "coin": "BTC", "nSigFigs": None}
    data = {"method": method, "subscription": subscription}
    return {"channel": "subscriptionResponse", "data": data}


def refusal(words: str, type_: str) -> dict[str, Any]:
    text = f"{words}{json.dumps({'type': type_, 'coin': 'BTC'})}"
    return {"channel": "error", "data": text}


def test_an_answer_without_an_id_is_of_the_request_that_it_repeats() -> None:
    async def run() -> None:
        line = Line("quote", "trade", "book")
        line.receive(answered("l2Book"), answered("bbo"))
        assert line.accepted == ["book", "quote"]
        assert not line.connection.answered
        line.receive(refusal("Invalid subscription ", "trades"))
        assert [channel for channel, _ in line.refused] == ["trade"]
        assert line.connection.answered

    asyncio.run(run())


def test_a_subscription_that_the_venue_had_already_is_accepted() -> None:
    async def run() -> None:
        line = Line("trade")
        line.receive(refusal("Already subscribed: ", "trades"))
        assert (line.accepted, line.refused) == (["trade"], [])

    asyncio.run(run())


def test_a_channel_that_was_subscribed_to_again_is_accepted_by_the_last_answer() -> None:
    async def run() -> None:
        line = Line("trade")
        line.receive(answered("trades"))
        line.connection.resubscribe("trade", line.market.stream("trade", "BTC", "1m", 20))
        line.receive(answered("trades", "unsubscribe"))
        assert line.accepted == ["trade"]
        line.receive(answered("trades"))
        assert line.accepted == ["trade", "trade"]
        assert line.connection.answered

    asyncio.run(run())


def test_one_message_is_a_ticker_and_a_mark_price() -> None:
    async def run() -> None:
        line = Line("ticker", "mark")
        line.receive(CTX)
        ticker, mark = line.sink.ticks
        assert (ticker.channel, ticker.last, ticker.change_percent) == ("ticker", 84001.5, 5.0)  # type: ignore[union-attr]
        assert (mark.channel, mark.mark_price, mark.index_price) == ("mark", 84000.0, 85916.0)  # type: ignore[union-attr]

    asyncio.run(run())


def test_a_quote_that_a_newer_one_overtook_is_not_published() -> None:
    def quote(time_ms: int, bid: str) -> dict[str, Any]:
        side = {"px": bid, "sz": "1.0", "n": 1}
        return {"channel": "bbo", "data": {"coin": "BTC", "time": time_ms, "bbo": [side, None]}}

    async def run() -> None:
        line = Line("quote")
        line.receive(quote(1000, "1.0"), quote(1002, "3.0"), quote(1001, "2.0"), quote(1003, "4.0"))
        assert [one.bid for one in line.sink.ticks] == [1.0, 3.0, 4.0]  # type: ignore[union-attr]

    asyncio.run(run())

"""MEXC spot: recordings of its decoded frames, and the binary frames that are sent.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams. A recording is of text: a frame is
the JSON that protobuf's `MessageToDict` makes of `PushDataV3ApiWrapper`. They are encoded here::

    {"channel":"spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT","symbol":"BTCUSDT",
     "sendTime":"1754741322152","publicAggreDepths":{"asks":[{"price":"117145.49","quantity":"0"}],
     "bids":[],"fromVersion":"43296363236","toVersion":"43296363255"}}
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.venues.played import (
    Ask,
    Depth,
    Event,
    Frame,
    LevelTexts,
    Market,
    MarketState,
    Message,
    PageRequest,
    PlayedExchange,
    Player,
    Quote,
    Reader,
    Session,
    Subscription,
    Ticker,
    Trade,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

DEPTH, DEALS, BEST, DAY = (
    "public.aggre.depth.v3.api.pb", "public.aggre.deals.v3.api.pb",
    "public.aggre.bookTicker.v3.api.pb", "public.miniTicker.v3.api.pb",
)  # fmt: skip
CHANNELS = {DEPTH: "book", DEALS: "trade", BEST: "quote", DAY: "ticker"}
# The field of the wrapper with a body, and the numbers of a body's fields.
BODIES = {"publicMiniTicker": 309, "publicAggreDepths": 313, "publicAggreDeals": 314,
          "publicAggreBookTicker": 315}  # fmt: skip
FIELDS = {
    "channel": 1, "symbol": 3, "sendTime": 6, "asks": 1, "bids": 2, "eventType": 3,
    "fromVersion": 4, "toVersion": 5, "deals": 1, "price": 1, "quantity": 2, "tradeType": 3,
    "time": 4, "bidPrice": 1, "bidQuantity": 2, "askPrice": 3, "askQuantity": 4,
}  # fmt: skip
DAY_FIELDS = {
    "symbol": 1, "price": 2, "rate": 3, "zonedRate": 4, "high": 5, "low": 6, "volume": 7,
    "quantity": 8,
}  # fmt: skip
BUY, SELL = 1, 2


class MexcReader(Reader):
    """Decoded frames of `wss://wbs-api.mexc.com/ws`."""

    def recognises(self, text: str) -> bool:
        """Return whether a frame is a decoded one."""
        return text.startswith("{") and '"channel":"spot@public.' in text.replace(" ", "")

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the symbols of the recorded exchangeInfo."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/exchangeInfo" in url:
                rows |= {row["symbol"]: row for row in json.loads(body)["symbols"]}
        for id_ in seen:
            yield Market(id_, f"{rows[id_]['baseAsset']}/{rows[id_]['quoteAsset']}", rows[id_])

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame."""
        if frame.kind != "recv" or '"spot@public' not in frame.data:
            return
        message = json.loads(frame.data)
        if "symbol" not in message:
            return
        market, time_ms = message["symbol"], int(message["sendTime"])
        if (deals := message.get("publicAggreDeals")) is not None:
            for one in deals["deals"]:
                side: Any = {BUY: "buy", SELL: "sell"}[one["tradeType"]]
                yield Trade(market, int(one["time"]), None, one["price"], one["quantity"], side)
        elif (best := message.get("publicAggreBookTicker")) is not None:
            yield Quote(
                market, time_ms, best["bidPrice"], best["bidQuantity"], best["askPrice"],
                best["askQuantity"],
            )  # fmt: skip
        elif (day := message.get("publicMiniTicker")) is not None:
            percent = str(Decimal(day["zonedRate"]) * 100)
            yield Ticker(
                market, time_ms, day["price"], high=day["high"], low=day["low"],
                volume=day["quantity"], change_percent=percent, raw=day,
            )  # fmt: skip
        elif (depth := message.get("publicAggreDepths")) is not None:
            yield Depth(
                market, time_ms, _levels(depth.get("bids", ())), _levels(depth.get("asks", ())),
                before=int(depth["fromVersion"]) - 1, last=int(depth["toVersion"]),
            )  # fmt: skip


class MexcPlayer(Player):
    """`/ws` and the REST pages of the market data."""

    sockets = ("/ws",)

    def page(self, request: PageRequest) -> Any:
        """Return the symbols, no contracts, or a book."""
        if request.path == "/api/v3/exchangeInfo":
            entries = [state.market.entry for state in self.states.values()]
            trades = {"status": "1", "isSpotTradingAllowed": True}
            return {"timezone": "CST", "symbols": [{**row, **trades} for row in entries]}
        if request.path == "/api/v1/contract/detail":
            return {"success": True, "code": 0, "data": []}
        if request.path == "/api/v3/depth":
            state = self.states.get(request.query.get("symbol", ""))
            if state is None:
                return {"code": -1121, "msg": "Invalid symbol."}
            limit = int(request.query.get("limit", 100))
            return {
                "lastUpdateId": state.book.last, "timestamp": state.book.time_ms or 0,
                "bids": [list(level) for level in state.book.bids(limit)],
                "asks": [list(level) for level in state.book.asks(limit)],
            }  # fmt: skip
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"method":"SUBSCRIPTION","params":["spot@public.…@BTCUSDT"]}`."""
        method = str(message.get("method", "")).upper()
        if method == "PING":
            yield {"id": 0, "code": 0, "msg": "PONG"}
        for name in message.get("params", ()):
            _, kind, *parts = name.split("@")
            market = parts[0] if kind == DAY else parts[-1]
            channel: Any = CHANNELS.get(kind)
            yield Ask(name, channel, market, name, ends=method == "UNSUBSCRIPTION")

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Repeat the channel."""
        return [{"id": 0, "code": 0, "msg": subscription.ask.key}]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse, with a code that says the opposite."""
        text = f"Not Subscribed successfully! [{ask.key}].  Reason: Blocked! "
        return [{"id": 0, "code": 0, "msg": text}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Repeat the channel."""
        return [{"id": 0, "code": 0, "msg": ask.key}]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the last ticker or quote; a book's and trades' streams begin with a change."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        event = {"ticker": state.ticker, "quote": state.quote}.get(ask.channel or "")
        return [] if event is None else self.messages([event], subscription, state)

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one frame, to be encoded."""
        ask, event = subscription.ask, events[-1]
        body: dict[str, Any]
        if ask.channel == "trade":
            name, body = "publicAggreDeals", {"deals": [_deal(one) for one in events]}
        elif ask.channel == "ticker":
            name, body = "publicMiniTicker", event.raw
        elif ask.channel == "quote":
            name = "publicAggreBookTicker"
            body = {
                "bidPrice": event.bid or "", "bidQuantity": event.bid_size or "",
                "askPrice": event.ask or "", "askQuantity": event.ask_size or "",
            }  # fmt: skip
        else:
            name = "publicAggreDepths"
            body = {
                "asks": _items(event.asks), "bids": _items(event.bids),
                "eventType": ask.key.rpartition("@")[0],
                "fromVersion": str(event.before + 1), "toVersion": str(event.last),
            }  # fmt: skip
        return [
            {"channel": ask.key, "symbol": ask.market, "sendTime": event.time_ms or 0, name: body}
        ]

    def encode(self, message: Message) -> str | bytes:
        """Return a frame in binary, an answer as JSON."""
        if isinstance(message, dict) and "channel" in message:
            return encoded(message)
        return msgspec.json.encode(message).decode()


def encoded(message: Mapping[str, Any], numbers: Mapping[str, int] = FIELDS) -> bytes:
    """Return a message of Protocol Buffers: texts and messages with their length, and numbers."""
    frame = b""
    for name, value in message.items():
        if name in BODIES:
            names = DAY_FIELDS if name == "publicMiniTicker" else FIELDS
            frame += _sized(BODIES[name], encoded(value, names))
        elif name not in numbers:
            continue
        elif isinstance(value, list):
            frame += b"".join(_sized(numbers[name], encoded(one)) for one in value)
        elif isinstance(value, int):
            frame += _varint(numbers[name] << 3) + _varint(value)
        elif value:
            frame += _sized(numbers[name], value.encode())
    return frame


def _sized(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _levels(items: Iterable[Mapping[str, str]]) -> tuple[LevelTexts, ...]:
    return tuple((item["price"], item["quantity"]) for item in items)


def _items(levels: Iterable[LevelTexts]) -> list[dict[str, str]]:
    return [{"price": price, "quantity": size} for price, size in levels]


def _deal(one: Trade) -> dict[str, Any]:
    kind = BUY if one.side == "buy" else SELL
    return {"price": one.price, "quantity": one.size, "tradeType": kind, "time": one.time_ms}


PLAYED = (PlayedExchange("mexc", "MEXC", MexcReader, MexcPlayer),)

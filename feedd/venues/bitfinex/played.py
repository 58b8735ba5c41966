"""Bitfinex: recordings of v2 from 2021 on, and its messages with the flags that feedd asks for.

https://docs.bitfinex.com/docs/ws-general. A recording may have no checksums, and books of another
length: each subscription gets the changes of its own levels, each followed by the checksum.
"""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from zlib import crc32

from feedd.venues.bitfinex.market_ids import CODES
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
    Reader,
    Session,
    Subscription,
    Ticker,
    Trade,
    bare,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS = {"ticker": "ticker", "trades": "trade", "book": "book"}
SEQ_ALL, OB_CHECKSUM = 65536, 131072
FIRST_CHANNEL = 225_206
CHECKED_LEVELS = 25
TRADES_AT_FIRST = 30
TICKER_VALUES = 10
Side = dict[str, str]


class BitfinexReader(Reader):
    """Frames of `/ws/2`: `[chanId, …]`, whose channel the answer to a subscription names."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, str], tuple[str, str]] = {}  # by connection and chanId

    def recognises(self, text: str) -> bool:
        """Return whether a frame is the answer to a subscription."""
        return '"event":"subscribed"' in text and '"chanId"' in text

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the markets of the events; a listing has only their ids."""
        for id_ in seen:
            yield Market(id_, _symbol(id_), id_[1:])

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; `tu` repeats `te`."""
        if frame.kind != "recv":
            return
        message = json.loads(frame.data, parse_float=str, parse_int=str)
        if isinstance(message, dict):
            of_orders = message.get("prec") == "R0"
            if message.get("event") == "subscribed" and "symbol" in message and not of_orders:
                key = frame.connection, message["chanId"]
                self._channels[key] = message["channel"], message["symbol"]
            return
        channel, market = self._channels.get((frame.connection, message[0]), ("", ""))
        content = message[1]
        if not market.startswith("t") or content in ("hb", "cs", "tu"):
            return
        if channel == "trades":
            rows = [message[2]] if content == "te" else content[::-1]
            yield from (_trade_of(market, row) for row in rows)
        elif channel == "ticker":
            bid, _, ask, _, _, fraction, last, volume, high, low = content[:TICKER_VALUES]
            percent = None if fraction is None else str(Decimal(fraction) * 100)
            yield Ticker(market, None, last, bid, ask, high, low, volume, percent, raw=content)
        elif channel == "book":
            whole = not content or isinstance(content[0], list)
            bids: list[LevelTexts] = []
            asks: list[LevelTexts] = []
            for price, count, amount in content if whole else [content]:
                side = asks if amount.startswith("-") else bids
                side.append((price, amount.lstrip("-") if int(count) else "0"))
            yield Depth(market, None, tuple(bids), tuple(asks), whole=whole)


class BitfinexPlayer(Player):
    """`/ws/2` and the pages of the configuration."""

    sockets = ("/ws/2",)
    batched = frozenset[Any]()

    def page(self, request: PageRequest) -> Any:
        """Return the parts of a configuration that a request names, or a book."""
        path = unquote(request.path)
        if path.startswith("/v2/conf/"):
            pairs = [[state.market.entry, [None, None, None, "0.02", "5000.0"]]
                     for state in self.states.values()]  # fmt: skip
            parts = {
                "pub:info:pair": [pair for pair in pairs if "F0" not in pair[0]],
                "pub:info:pair:futures": [pair for pair in pairs if "F0" in pair[0]],
            }
            return [parts.get(name, []) for name in path.removeprefix("/v2/conf/").split(",")]
        if path.startswith("/v2/book/"):
            state = self.states.get(path.split("/")[3])
            if state is not None:
                levels = int(request.query.get("len", 25))
                bids, asks = state.book.bids(levels), state.book.asks(levels)
                return [*(_row(*one) for one in bids), *(_row(*one, sign="-") for one in asks)]
        return None

    def opened(self, session: Session) -> Iterable[Message]:
        """Name the version and that the platform works."""
        return [{"event": "info", "version": 2, "serverId": "083bd8d4-aca7-4690-a573-eabfc8103de8",
                 "platform": {"status": 1}}]  # fmt: skip

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"event":"subscribe","channel":"book","symbol":"tBTCUSD","prec":"P0",…}`."""
        event, asked = message.get("event"), session.state.setdefault("asked", {})
        if event == "conf":
            session.state["flags"] = message["flags"]
            yield {"event": "conf", "status": "OK", "flags": message["flags"]}
        elif event == "ping":
            yield {**message, "event": "pong", "ts": 1_511_545_528_111}
        elif event == "unsubscribe" and message["chanId"] in asked:
            before: Ask = asked.pop(message["chanId"])
            yield Ask(before.key, before.channel, before.market, message, ends=True)
        elif event == "subscribe":
            key = message["channel"], message.get("symbol") or message.get("key")
            if key in session.subscriptions:
                yield {**message, "event": "error", "msg": "subscribe: dup", "code": 10301}
                return
            channel: Any = CHANNELS.get(message["channel"])
            yield Ask(key, channel, message.get("symbol", ""), message)

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Give the subscription a number, which its messages have."""
        session, ask = subscription.session, subscription.ask
        subscription.state["id"] = id_ = session.next("channel", FIRST_CHANNEL)
        session.state["asked"][id_] = ask
        answer = {"len": "25"} if ask.channel == "book" else {}
        return [{**answer, **ask.request, "event": "subscribed", "chanId": id_}]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for an invalid symbol, code 10300."""
        return [{**ask.request, "event": "error", "msg": "symbol: invalid", "code": 10300}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [{"event": "unsubscribed", "status": "OK", "chanId": ask.request["chanId"]}]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last ticker, or 30 earlier trades, newest first."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "book" and state.book:
            return self.messages([state.book.whole(ask.market)], subscription, state)
        if ask.channel == "ticker" and state.ticker is not None:
            return self.messages([state.ticker], subscription, state)
        if ask.channel == "trade":
            page = [_trade(one) for one in reversed(list(state.trades)[-TRADES_AT_FIRST:])]
            return [_array(subscription, page)] if page else []
        return []

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return the arrays of an event."""
        ask, event = subscription.ask, events[0]
        if ask.channel == "trade":
            row = _trade(event)
            return [_array(subscription, kind, row) for kind in ("te", "tu")]
        if ask.channel == "ticker":
            return [_array(subscription, [None if one is None else bare(one) for one in event.raw])]
        return self._book(event, subscription, state)

    def _book(self, event: Depth, subscription: Subscription, state: MarketState) -> list[Message]:
        levels = int(subscription.ask.request.get("len", 25))
        best = dict(state.book.bids(levels)), dict(state.book.asks(levels))
        before = subscription.state.get("best")
        subscription.state["best"] = best
        if event.whole or before is None:
            rows = [_row(*level) for level in best[0].items()]
            rows += [_row(*level, sign="-") for level in best[1].items()]
            made = [_array(subscription, rows)]
        else:
            made = self._changed(before, best, subscription)
        if made and subscription.session.state.get("flags", 0) & OB_CHECKSUM:
            made.append(_array(subscription, "cs", checksum(*best)))
        return made

    def _changed(
        self, before: tuple[Side, Side], now: tuple[Side, Side], subscription: Subscription
    ) -> list[Message]:
        return [
            _array(subscription, _row(price, size, sign=sign))
            for old, new, sign in zip(before, now, ("", "-"), strict=True)
            for price, size in _changes(old, new).items()
        ]


def checksum(bids: Side, asks: Side) -> int:
    """Return the signed CRC32 of the best 25 levels: `price:amount:…`, a bid, an ask, and so on."""
    pairs = zip_longest(
        [f"{price}:{size}" for price, size in list(bids.items())[:CHECKED_LEVELS]],
        [f"{price}:-{size}" for price, size in list(asks.items())[:CHECKED_LEVELS]],
    )
    value = crc32(":".join(one for pair in pairs for one in pair if one).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def _array(subscription: Subscription, *values: Any) -> list[Any]:
    session = subscription.session
    number = [session.next("seq", 1)] if session.state.get("flags", 0) & SEQ_ALL else []
    return [subscription.state["id"], *values, *number]


def _changes(before: Side, now: Side) -> Side:
    changed = dict.fromkeys(before.keys() - now.keys(), "0")
    return changed | {price: size for price, size in now.items() if before.get(price) != size}


def _row(price: str, size: str, *, sign: str = "") -> list[Any]:
    """Return a level: price, number of orders, amount; without orders it is removed."""
    removed = not float(size)
    return [bare(price), 0 if removed else 1, bare(sign + ("1" if removed else size))]


def _trade_of(market: str, row: Sequence[str]) -> Trade:
    id_, time_ms, amount, price = row
    side: Any = "sell" if amount.startswith("-") else "buy"
    return Trade(market, int(time_ms), id_, price, amount.lstrip("-"), side)


def _trade(one: Trade) -> list[Any]:
    sign = "-" if one.side == "sell" else ""
    return [bare(one.id or "0"), one.time_ms, bare(sign + one.size), bare(one.price)]


def _symbol(id_: str) -> str:
    pair = id_[1:]
    base, _, quote = pair.partition(":") if ":" in pair else (pair[:3], "", pair[3:])
    codes = [CODES.get(one, one) for one in (base.removesuffix("F0"), quote.removesuffix("F0"))]
    return "/".join(codes) + (f":{codes[1]}" if quote.endswith("F0") else "")


PLAYED = (PlayedExchange("bitfinex", "BITFINEX", BitfinexReader, BitfinexPlayer),)

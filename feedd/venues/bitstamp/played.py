"""Bitstamp v2: recordings and today's messages, which have one form.

https://www.bitstamp.net/websocket/v2/ and https://www.bitstamp.net/api/. The stream of a book has
no sequence: a lost message does not show. Its snapshot is a REST page.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

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
    Trade,
    bare,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS = {"live_trades": "trade", "diff_order_book": "book"}
US_PER_MS = 1000
SIDES: tuple[Any, Any] = ("buy", "sell")


class BitstampReader(Reader):
    """Frames of `wss://ws.bitstamp.net`, and the answers of `/api/v2/order_book/<pair>`."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}  # of each book: the time of the newest change, µs

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the pairs of the recorded list, as the page `markets/` lists them."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/trading-pairs-info" in url or "/markets/" in url:
                rows |= {row.get("url_symbol") or row["market_symbol"]: row for row in _rows(body)}
        for id_ in seen:
            row = rows[id_]
            base, _, quote = row["name"].partition("/")
            entry = {
                "name": row["name"], "market_symbol": id_, "base_currency": base,
                "base_decimals": row["base_decimals"], "counter_currency": quote,
                "counter_decimals": row["counter_decimals"], "minimum_order_value": "10",
                "trading": "Enabled", "instant_and_market_orders": "Enabled",
                "description": row["description"], "market_type": "SPOT",
            }  # fmt: skip
            yield Market(id_, row["name"], entry)

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; changes of a book count from its snapshot on."""
        if frame.kind == "http" and "/order_book/" in frame.url:
            yield from self._depth(frame.url.rstrip("/").rpartition("/")[2], frame.data, whole=True)
        if frame.kind != "recv":
            return
        message = json.loads(frame.data, parse_float=str)
        name, _, id_ = str(message.get("channel")).rpartition("_")
        data = message["data"]
        if message["event"] == "trade" and name == "live_trades":
            time_ms = int(data["microtimestamp"]) // US_PER_MS
            side = SIDES[data["type"]]
            yield Trade(
                id_, time_ms, str(data["id"]), data["price_str"], data["amount_str"], side, data
            )
        elif message["event"] == "data" and name == "diff_order_book":
            yield from self._depth(id_, json.dumps(data), whole=False)

    def _depth(self, id_: str, text: str, *, whole: bool) -> Iterable[Depth]:
        data = json.loads(text)
        at_us, before = int(data["microtimestamp"]), self._last.get(id_, 0)
        if not whole and (not before or at_us <= before):
            return
        self._last[id_] = at_us
        bids, asks = tuple(map(tuple, data["bids"])), tuple(map(tuple, data["asks"]))
        yield Depth(
            id_, at_us // US_PER_MS, bids, asks, whole=whole, before=before or at_us - 1, last=at_us
        )


class BitstampPlayer(Player):
    """The WebSocket, which has no path, and the REST pages of the market data."""

    sockets = ("",)

    def page(self, request: PageRequest) -> Any:
        """Return the markets, a book, or the newest trades."""
        page = request.path.removeprefix("/api/v2/").strip("/")
        if page == "markets":
            return [state.market.entry for state in self.states.values()]
        name, _, id_ = page.partition("/")
        state = self.states.get(id_)
        if state is None:
            return None
        if name == "order_book":
            return _book(state.book.last, state.book.bids(), state.book.asks())
        if name == "transactions":
            return [_transaction(one) for one in reversed(state.trades)]
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"event":"bts:subscribe","data":{"channel":"live_trades_btcusd"}}`."""
        event = message["event"]
        if event == "bts:heartbeat":
            yield {"event": "bts:heartbeat", "channel": "", "data": {"status": "success"}}
            return
        channel = message["data"]["channel"]
        name, _, id_ = channel.rpartition("_")
        played: Any = CHANNELS.get(name)
        yield Ask(channel, played, id_, message, ends=event == "bts:unsubscribe")

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge a channel."""
        return [_answer("bts:subscription_succeeded", subscription.ask.key)]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for a channel that does not exist, code 4004."""
        data = {"code": 4004, "message": "Bad subscription string."}
        return [{"event": "bts:error", "channel": "", "data": data}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [_answer("bts:unsubscription_succeeded", ask.key)]

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return a message of each trade, or of a change; a whole book is a REST page only."""
        channel, event = subscription.ask.key, events[0]
        if isinstance(event, Depth):
            if event.whole:
                return ()
            data = _book(event.last, event.bids, event.asks)
            return [{"data": data, "channel": channel, "event": "data"}]
        return [
            {
                "data": {**one.raw, "price": bare(one.raw["price"]),
                         "amount": bare(one.raw["amount"])},
                "channel": channel,
                "event": "trade",
            }
            for one in events
        ]  # fmt: skip


def _rows(body: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(body)
    return rows


def _book(at_us: int, bids: Iterable[LevelTexts], asks: Iterable[LevelTexts]) -> dict[str, Any]:
    return {
        "timestamp": str(at_us // 1_000_000), "microtimestamp": str(at_us),
        "bids": list(bids), "asks": list(asks),
    }  # fmt: skip


def _transaction(one: Trade) -> dict[str, Any]:
    return {
        "date": str((one.time_ms or 0) // 1000), "tid": one.id, "amount": one.size,
        "type": str(one.raw["type"]), "price": one.price,
    }  # fmt: skip


def _answer(event: str, channel: str) -> dict[str, Any]:
    return {"event": event, "channel": channel, "data": {}}


PLAYED = (PlayedExchange("bitstamp", "BITSTAMP", BitstampReader, BitstampPlayer),)

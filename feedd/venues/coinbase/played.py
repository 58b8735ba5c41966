"""Coinbase Advanced Trade: recordings of 2026, and the same messages for a client of its own.

https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels. Every
message of a connection has the next `sequence_num`. The side of a recorded trade is the maker's.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from feedd.clock import iso8601
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

CHANNELS = {"level2": "book", "market_trades": "trade", "ticker": "ticker"}
OTHER = {"buy": "sell", "sell": "buy"}
TRADES_AT_FIRST = 100
PAGE_ROWS = 1000


class CoinbaseReader(Reader):
    """Frames of `wss://advanced-trade-ws.coinbase.com`: objects with `channel` and `events`."""

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the recorded products."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if url.partition("?")[0].endswith("/market/products"):
                rows |= {row["product_id"]: row for row in json.loads(body)["products"]}
        for id_ in seen:
            yield Market(id_, id_.replace("-", "/"), rows[id_])

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; a ticker also holds a quote."""
        if frame.kind != "recv" or '"events"' not in frame.data:
            return
        message = json.loads(frame.data)
        time_ms = _ms(message["timestamp"])
        for event in message["events"]:
            for row in reversed(event.get("trades", ())):
                yield Trade(
                    row["product_id"], _ms(row["time"]), row["trade_id"], row["price"],
                    row["size"], OTHER[row["side"].lower()], row,  # type: ignore[arg-type]
                )  # fmt: skip
            for row in event.get("tickers", ()):
                yield Ticker(
                    row["product_id"], time_ms, row["price"], row["best_bid"], row["best_ask"],
                    row["high_24_h"], row["low_24_h"], row["volume_24_h"],
                    row["price_percent_chg_24_h"], row,
                )  # fmt: skip
                yield Quote(
                    row["product_id"], time_ms, row["best_bid"], row["best_bid_quantity"],
                    row["best_ask"], row["best_ask_quantity"],
                )  # fmt: skip
            if message["channel"] == "l2_data":
                yield Depth(
                    event["product_id"], time_ms, _levels(event["updates"], "bid"),
                    _levels(event["updates"], "offer"), whole=event["type"] == "snapshot",
                )  # fmt: skip


class CoinbasePlayer(Player):
    """The WebSocket, whose address has no path, and the public REST pages."""

    sockets = ("",)
    carried = {"quote": "ticker"}  # noqa: RUF012

    def page(self, request: PageRequest) -> Any:
        """Return the products, a book, or the newest trades."""
        path, query = request.path.removeprefix("/api/v3/brokerage/market/"), request.query
        if path == "products":
            rows = [state.market.entry for state in self.states.values()]
            rows = rows if query.get("product_type", "SPOT") == "SPOT" else []
            return {"products": rows, "num_products": len(rows)}
        if request.path.startswith("/v2/"):  # currencies and rates, for ccxt's list
            return {"data": {"rates": {}} if request.path.endswith("rates") else []}
        parts = path.split("/")
        id_ = parts[1] if len(parts) > 1 else query.get("product_id", "")
        state = self.states.get(id_)
        if state is None:
            return None
        if path == "product_book":
            limit = int(query["limit"]) if "limit" in query else None
            return {
                "pricebook": {
                    "product_id": id_,
                    "time": iso8601(state.book.time_ms or 0),
                    "bids": _rows(state.book.bids(limit)),
                    "asks": _rows(state.book.asks(limit)),
                }
            }
        if parts[2:] == ["ticker"]:
            count = min(PAGE_ROWS, int(query.get("limit", PAGE_ROWS)))
            return {"trades": [one.raw for one in _newest(state, count)], "best_bid": ""}
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}`."""
        channel = message["channel"]
        for product in message.get("product_ids") or [""]:
            yield Ask(
                (channel, product),
                CHANNELS.get(channel),  # type: ignore[arg-type]
                product,
                message,
                ends=message["type"] == "unsubscribe",
            )

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Return what is subscribed to now."""
        return [_subscriptions(subscription.session)]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse without a number."""
        why = f"{ask.market} is not a valid product"
        return [{"type": "error", "message": "failure to subscribe", "reason": why}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Return what is still subscribed to."""
        return [_subscriptions(session)]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last 100 trades, or the ticker."""
        ask = subscription.ask
        state = self.states.get(ask.market)
        if state is None:
            return ()
        if ask.channel == "book" and state.book:
            levels = state.book.bids(), state.book.asks()
            return [_depth(subscription, "snapshot", *levels, state.book.time_ms)]
        if ask.channel == "trade" and state.trades:
            return [_trades(subscription, "snapshot", _newest(state, TRADES_AT_FIRST))]
        if ask.channel == "ticker" and state.ticker is not None:
            return [_ticker(subscription, "snapshot", state.ticker)]
        return ()

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message."""
        channel, event = subscription.ask.channel, events[0]
        if channel == "trade":
            return [_trades(subscription, "update", list(events)[::-1])]
        if channel == "ticker":
            return [_ticker(subscription, "update", event)]
        kind = "snapshot" if event.whole else "update"
        return [_depth(subscription, kind, event.bids, event.asks, event.time_ms)]


def _numbered(session: Session, channel: str, time_ms: int | None, event: Any) -> Message:
    return {
        "channel": channel,
        "timestamp": iso8601(time_ms or 0),
        "sequence_num": session.next("sequence_num"),
        "events": [event],
    }


def _subscriptions(session: Session) -> Message:
    found: dict[str, list[str]] = {}
    for channel, product in session.subscriptions:
        found.setdefault(channel, []).append(product or channel)
    return _numbered(session, "subscriptions", None, {"subscriptions": found})


def _depth(
    subscription: Subscription, kind: str, bids: Iterable[LevelTexts], asks: Iterable[LevelTexts],
    time_ms: int | None,
) -> Message:  # fmt: skip
    at = iso8601(time_ms or 0)
    updates = [
        {"side": side, "event_time": at, "price_level": price, "new_quantity": size}
        for side, levels in (("bid", bids), ("offer", asks))
        for price, size in levels
    ]
    event = {"type": kind, "product_id": subscription.ask.market, "updates": updates}
    return _numbered(subscription.session, "l2_data", time_ms, event)


def _trades(subscription: Subscription, kind: str, newest_first: list[Trade]) -> Message:
    event = {"type": kind, "trades": [one.raw for one in newest_first]}
    time_ms = newest_first[0].time_ms
    return _numbered(subscription.session, "market_trades", time_ms, event)


def _ticker(subscription: Subscription, kind: str, one: Ticker) -> Message:
    event = {"type": kind, "tickers": [one.raw]}
    return _numbered(subscription.session, "ticker", one.time_ms, event)


def _newest(state: MarketState, count: int) -> list[Trade]:
    return list(islice(reversed(state.trades), count))


def _ms(text: str) -> int:
    """Return the ms since the epoch of `2026-08-09T21:05:48.228568804Z`."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    whole = int(datetime.fromisoformat(f"{seconds}+00:00").timestamp())
    return whole * 1000 + int(fraction[:3].ljust(3, "0"))


def _levels(rows: Iterable[Mapping[str, str]], side: str) -> tuple[LevelTexts, ...]:
    return tuple((row["price_level"], row["new_quantity"]) for row in rows if row["side"] == side)


def _rows(levels: Iterable[LevelTexts]) -> list[dict[str, str]]:
    return [{"price": price, "size": size} for price, size in levels]


PLAYED = (PlayedExchange("coinbase", "COINBASE", CoinbaseReader, CoinbasePlayer),)

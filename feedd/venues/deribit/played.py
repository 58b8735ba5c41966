"""Deribit: recordings from 2021 on, and today's messages.

https://docs.deribit.com/#subscriptions. A recording of 2021 has instruments without
`settlement_currency` and `counter_currency`, and channels of `raw` changes, which take a key today.
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
    Quote,
    Reader,
    Session,
    Subscription,
    Ticker,
    Trade,
    bare,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS = {"ticker": "ticker", "quote": "quote", "trades": "trade", "book": "book"}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
PAGE_ROWS = 1000
PAGES = "/api/v2/public/"


class DeribitReader(Reader):
    """Frames of `/ws/api/v2`: `{"method":"subscription","params":{"channel":…,"data":…}}`."""

    def recognises(self, text: str) -> bool:
        """Return whether a frame is a notification in JSON-RPC."""
        return text.startswith('{"jsonrpc"') and '"method":"subscription"' in text.replace(" ", "")

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the instruments of the recorded listings."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/get_instruments" in url:
                rows |= {row["instrument_name"]: row for row in json.loads(body)["result"]}
        for id_ in seen:
            yield Market(id_, _symbol(_today(rows[id_])), _today(rows[id_]))

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; a ticker also holds a quote."""
        if frame.kind != "recv" or '"params"' not in frame.data:
            return
        params = json.loads(frame.data, parse_float=str, parse_int=str)["params"]
        (kind, *parts), data = params["channel"].split("."), params["data"]
        if kind == "trades":
            for row in data:
                yield Trade(
                    row["instrument_name"], int(row["timestamp"]), row["trade_id"], row["price"],
                    row["amount"], row["direction"], int(row["trade_seq"]),
                )  # fmt: skip
            return
        market, time_ms = data.get("instrument_name", ""), int(data.get("timestamp", 0))
        if kind == "ticker":
            stats = data["stats"]
            bid, ask = _price(data["best_bid_price"]), _price(data["best_ask_price"])
            yield Ticker(
                market, time_ms, data["last_price"], bid, ask, stats["high"], stats["low"],
                stats["volume"], stats.get("price_change"),
                raw=json.loads(frame.data)["params"]["data"],
            )  # fmt: skip
        if kind in {"ticker", "quote"}:
            yield Quote(
                market, time_ms, _price(data["best_bid_price"]),
                data["best_bid_amount"] if _price(data["best_bid_price"]) else None,
                _price(data["best_ask_price"]),
                data["best_ask_amount"] if _price(data["best_ask_price"]) else None,
            )  # fmt: skip
        elif kind == "book" and len(parts) == 2:  # else books of some levels, each whole
            last = int(data["change_id"])
            yield Depth(
                market, time_ms, _levels(data["bids"]), _levels(data["asks"]),
                whole=data["type"] == "snapshot", before=int(data.get("prev_change_id", last)),
                last=last, raw={row[1]: row[0] for row in [*data["bids"], *data["asks"]]},
            )  # fmt: skip


class DeribitPlayer(Player):
    """`/ws/api/v2` and the REST pages of the market data."""

    sockets = ("/ws/api/v2",)

    def page(self, request: PageRequest) -> Any:
        """Return the instruments, their currencies, a book, or earlier trades."""
        entries = [state.market.entry for state in self.states.values()]
        if request.path == PAGES + "get_instruments":
            return _answer(entries)
        if request.path == PAGES + "get_currencies":
            names = sorted({row["base_currency"] for row in entries})
            return _answer([{"currency": name, "currency_long": name} for name in names])
        if request.path == PAGES + "get_time":
            return _answer(request.now_ms)
        state = self.states.get(request.query.get("instrument_name", ""))
        if state is None:
            return None
        if request.path == PAGES + "get_order_book":
            depth = int(request.query.get("depth", 10_000))
            sides = {"bids": state.book.bids(depth), "asks": state.book.asks(depth)}
            rows = {
                side: [[bare(one) for one in level] for level in levels]
                for side, levels in sides.items()
            }
            return _answer({**rows, "timestamp": state.book.time_ms, "change_id": state.book.last})
        if request.path == PAGES + "get_last_trades_by_instrument":
            first = int(request.query.get("start_seq", 0))
            count = min(PAGE_ROWS, int(request.query.get("count", 10)))
            found = [one for one in state.trades if one.raw >= first]
            return _answer({"trades": [_trade(one) for one in found[:count]],
                            "has_more": len(found) > count})  # fmt: skip
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"method":"public/subscribe","params":{"channels":["book.X.100ms"]},"id":1}`."""
        method = message.get("method", "")
        if method not in {"public/subscribe", "public/unsubscribe"}:
            yield {"jsonrpc": "2.0", "id": message.get("id"), "result": "ok"}
            return
        for name in message["params"]["channels"]:
            kind, *parts = name.split(".")
            yield Ask(
                name,
                CHANNELS.get(kind),  # type: ignore[arg-type]
                parts[0] if parts else "",
                message,
                ends=method == "public/unsubscribe",
            )

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Name the channel that is subscribed to."""
        return [_answer([subscription.ask.key], subscription.ask.request["id"])]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for a channel that can't be read."""
        error = {"message": "Invalid params", "code": -32602}
        return [{"jsonrpc": "2.0", "id": ask.request["id"], "error": error}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Name the channel that ended."""
        return [_answer([ask.key], ask.request["id"])]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last ticker, or the last quote."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        event: Event | None = None
        if ask.channel == "book" and state.book:
            event = state.book.whole(ask.market)
        elif ask.channel == "ticker":
            event = state.ticker
        elif ask.channel == "quote":
            event = state.quote
        return [] if event is None else self.messages([event], subscription, state)

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one notification; a whole book is sent as a snapshot."""
        ask, event = subscription.ask, events[0]
        data: Any
        if ask.channel == "trade":
            data = [_trade(one) for one in events]
        elif ask.channel == "ticker":
            data = event.raw
        elif ask.channel == "quote":
            data = {
                "timestamp": event.time_ms, "instrument_name": event.market,
                "best_bid_price": _bare(event.bid), "best_bid_amount": _bare(event.bid_size),
                "best_ask_price": _bare(event.ask), "best_ask_amount": _bare(event.ask_size),
            }  # fmt: skip
        else:
            data = {
                "type": "snapshot" if event.whole else "change", "timestamp": event.time_ms,
                "instrument_name": event.market, "change_id": event.last,
                "bids": _rows(event.bids, event), "asks": _rows(event.asks, event),
            }  # fmt: skip
            if not event.whole:
                data["prev_change_id"] = event.before
        params = {"channel": ask.key, "data": data}
        return [{"jsonrpc": "2.0", "method": "subscription", "params": params}]


def _today(row: dict[str, Any]) -> dict[str, Any]:
    """Return an instrument as it is listed today: open, with all its currencies."""
    base = row["base_currency"]
    usd = "USD" if row["quote_currency"] == base else row["quote_currency"]
    return {
        "settlement_currency": base if usd == "USD" else usd, "counter_currency": usd,
        **row, "is_active": True, "state": "open",
    }  # fmt: skip


def _symbol(row: Mapping[str, Any]) -> str:
    symbol = f"{row['base_currency']}/{row['counter_currency']}"
    if row["kind"] == "spot":
        return symbol
    symbol += f":{row['settlement_currency']}"
    _, expiry, *option = row["instrument_name"].split("-")
    if expiry == "PERPETUAL":
        return symbol
    day, month, year = expiry[:-5], MONTHS.index(expiry[-5:-2]) + 1, expiry[-2:]
    return "-".join([f"{symbol}-{year}{month:02}{int(day):02}", *option])


def _price(text: str | None) -> str | None:
    """Return a price; None for null and 0: that side is empty."""
    return None if text is None or not float(text) else text


def _levels(rows: Sequence[Sequence[str]]) -> tuple[LevelTexts, ...]:
    return tuple((row[1], row[2]) for row in rows)


def _rows(levels: Iterable[LevelTexts], event: Depth) -> list[list[Any]]:
    kinds = event.raw or {}
    return [
        [kinds.get(price, "new" if event.whole else "change"), bare(price), bare(size)]
        for price, size in levels
    ]


def _trade(one: Trade) -> dict[str, Any]:
    return {
        "trade_seq": one.raw, "trade_id": one.id, "timestamp": one.time_ms, "tick_direction": 2,
        "price": bare(one.price), "instrument_name": one.market, "direction": one.side,
        "amount": bare(one.size),
    }  # fmt: skip


def _bare(text: str | None) -> Any:
    return None if text is None else bare(text)


def _answer(result: Any, id_: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "result": result}


PLAYED = (PlayedExchange("deribit", "DERIBIT", DeribitReader, DeribitPlayer),)

"""Crypto.com: recordings of v2 from 2021 on, and today's messages, of Exchange v1.

https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html. A recording of v2 has numbers where
there are texts today, whole books instead of changes, no sizes in its tickers, and the change in
24 h in the quote currency instead of a fraction.
"""

from __future__ import annotations

import json
from decimal import Decimal
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
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS = {"ticker": "ticker", "trade": "trade", "book": "book"}
TRADES_AT_FIRST = 150
DEFAULT_LEVELS = 50
Side = dict[str, str]


class CryptocomReader(Reader):
    """Frames of `/v2/market`: `{"method":"subscribe","result":{"channel":…,"data":[…]}}`."""

    def __init__(self) -> None:
        self._books: dict[str, tuple[Side, Side]] = {}

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the instruments of the recorded listing."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/public/get-instruments" in url:
                result = json.loads(body)["result"]
                for row in result.get("instruments") or result["data"]:
                    rows[row.get("instrument_name") or row["symbol"]] = row
        for id_ in seen:
            entry = _today(rows[id_])
            yield Market(id_, f"{entry['base_ccy']}/{entry['quote_ccy']}", entry)

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; a ticker also holds a quote."""
        if frame.kind != "recv" or '"result"' not in frame.data:
            return
        result = json.loads(frame.data, parse_float=str, parse_int=str)["result"]
        market, channel, rows = result["instrument_name"], result["channel"], result["data"]
        if channel == "trade":
            for row in reversed(rows):
                side = "buy" if row["s"] == "BUY" else "sell"
                yield Trade(market, int(row["t"]), row["d"], row["p"], row["q"], side)  # type: ignore[arg-type]
        elif channel == "ticker":
            for row in rows:
                time_ms = int(row["t"])
                yield Ticker(
                    market, time_ms, row["a"], row["b"], row["k"], row["h"], row["l"], row["v"],
                    _percent(row), raw=row,
                )  # fmt: skip
                yield Quote(
                    market, time_ms, row["b"], row.get("bs"), row["k"], row.get("ks"), raw=row
                )
        elif channel == "book.update":
            for row in rows:
                bids, asks = _side(row["update"]["bids"]), _side(row["update"]["asks"])
                yield Depth(
                    market, int(row["t"]), tuple(bids.items()), tuple(asks.items()),
                    before=int(row["pu"]), last=int(row["u"]),
                )  # fmt: skip
        elif channel == "book":
            for row in rows:
                yield self._book(market, row)

    def _book(self, market: str, row: dict[str, Any]) -> Depth:
        """Return a whole book; of v2, how it differs from the one before, unless it is the first.

        Today a whole book has an id.
        """
        book = _side(row["bids"]), _side(row["asks"])
        if "u" in row:
            bids, asks = book
            return Depth(
                market, int(row["t"]), tuple(bids.items()), tuple(asks.items()), whole=True,
                last=int(row["u"]),
            )  # fmt: skip
        before, self._books[market] = self._books.get(market), book
        bids, asks = book if before is None else map(_changes, before, book)
        return Depth(
            market, int(row["t"]), tuple(bids.items()), tuple(asks.items()), whole=before is None
        )


class CryptocomPlayer(Player):
    """`/exchange/v1/market` and the REST pages of the market data."""

    sockets = ("/exchange/v1/market",)
    carried = {"quote": "ticker"}  # noqa: RUF012

    def page(self, request: PageRequest) -> Any:
        """Return the instruments, or a book."""
        method = request.path.removeprefix("/exchange/v1/")
        if method == "public/get-instruments":
            return _page(method, {"data": [one.market.entry for one in self.states.values()]})
        state = self.states.get(request.query.get("instrument_name", ""))
        if method == "public/get-book" and state is not None:
            depth = min(50, int(request.query.get("depth", 50)))
            row = {"bids": _rows(state.book.bids(depth)), "asks": _rows(state.book.asks(depth))}
            return _page(method, {"instrument_name": state.market.id, "depth": depth,
                                  "data": [{**row, "t": state.book.time_ms}]})  # fmt: skip
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"method":"subscribe","params":{"channels":["book.X.50"]},"nonce":1}`."""
        method = message.get("method")
        if method not in {"subscribe", "unsubscribe"}:
            return
        for name in message["params"]["channels"]:
            kind, market, *levels = name.split(".")
            yield Ask(
                name, CHANNELS.get(kind), market, message,  # type: ignore[arg-type]
                ends=method == "unsubscribe",
                options={"levels": int(levels[0]) if levels else DEFAULT_LEVELS},
            )  # fmt: skip

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge the request."""
        return [{"id": subscription.ask.request.get("id", -1), "method": "subscribe", "code": 0}]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for an unknown channel."""
        text = f'invalid channel {{"channels":["{ask.key}"]}}'
        id_ = ask.request.get("id", 0)
        return [{"id": id_, "code": 10004, "method": "subscribe", "message": text}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [{"id": ask.request.get("id", -1), "method": "unsubscribe", "code": 0}]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last ticker, or earlier trades, the newest first."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "book" and state.book:
            return self._book(subscription, state, state.book.whole(ask.market))
        if ask.channel == "ticker" and state.ticker is not None:
            return [_message(ask, "ticker", [_ticker(state.ticker)])]
        if ask.channel == "trade" and state.trades:
            return [_message(ask, "trade", _trades(list(state.trades)[-TRADES_AT_FIRST:]))]
        return []

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message; a book's has the changes of the levels that are subscribed to."""
        ask, event = subscription.ask, events[0]
        if ask.channel == "trade":
            return [_message(ask, "trade", _trades(events))]
        if ask.channel == "ticker":
            return [_message(ask, "ticker", [_ticker(event)])]
        return self._book(subscription, state, event)

    def _book(
        self, subscription: Subscription, state: MarketState, event: Depth
    ) -> list[dict[str, Any]]:
        ask, levels = subscription.ask, subscription.ask.options["levels"]
        best = dict(state.book.bids(levels)), dict(state.book.asks(levels))
        before = subscription.state.get("best")
        subscription.state["best"] = best
        more = {"t": event.time_ms, "tt": event.time_ms, "u": event.last, "cs": 0}
        if event.whole or before is None:
            rows = {"bids": _rows(best[0].items()), "asks": _rows(best[1].items())}
            return [_message(ask, "book", [{**rows, **more}], depth=levels)]
        bids, asks = (_rows(_changes(*sides).items()) for sides in zip(before, best, strict=True))
        data = {"update": {"bids": bids, "asks": asks}, **more, "pu": event.before}
        return [_message(ask, "book.update", [data], depth=levels)]


def _today(row: dict[str, Any]) -> dict[str, Any]:
    """Return an instrument as Exchange v1 lists it."""
    if "inst_type" in row:
        return row
    price, quantity = row["price_decimals"], row["quantity_decimals"]
    return {
        "symbol": row["instrument_name"], "inst_type": "CCY_PAIR",
        "display_name": row["instrument_name"].replace("_", "/"), "base_ccy": row["base_currency"],
        "quote_ccy": row["quote_currency"], "quote_decimals": price,
        "quantity_decimals": quantity, "price_tick_size": str(Decimal(1).scaleb(-price)),
        "qty_tick_size": str(Decimal(1).scaleb(-quantity)), "max_leverage": "50",
        "tradable": True, "expiry_timestamp_ms": 0,
    }  # fmt: skip


def _percent(row: Mapping[str, str | None]) -> str | None:
    """Return the change in percent; today's tickers, which have sizes, have a fraction."""
    last, change = row["a"], row["c"]
    if last is None or change is None:
        return None
    if "bs" in row:
        return str(Decimal(change) * 100)
    return str(Decimal(change) / (Decimal(last) - Decimal(change)) * 100)


def _ticker(event: Ticker) -> dict[str, Any]:
    row, percent = event.raw, event.change_percent
    return {
        "h": row["h"], "l": row["l"], "a": row["a"],
        "c": None if percent is None else str(Decimal(percent) / 100),
        "b": row["b"], "bs": row.get("bs"), "k": row["k"], "ks": row.get("ks"),
        "i": event.market, "v": row["v"], "vv": None, "oi": "0", "t": event.time_ms,
    }  # fmt: skip


def _trades(events: Sequence[Trade]) -> list[dict[str, Any]]:
    return [
        {
            "d": one.id, "t": one.time_ms, "p": one.price, "q": one.size,
            "s": (one.side or "").upper(), "i": one.market, "m": one.id,
        }
        for one in reversed(events)
    ]  # fmt: skip


def _side(rows: Iterable[Sequence[str]]) -> Side:
    return {row[0]: row[1] for row in rows}


def _changes(before: Side, now: Side) -> Side:
    changed = {price: size for price, size in now.items() if before.get(price) != size}
    return changed | dict.fromkeys(before.keys() - now.keys(), "0")


def _rows(levels: Iterable[LevelTexts]) -> list[list[str]]:
    return [[price, size, "1" if float(size) else "0"] for price, size in levels]


def _message(ask: Ask, channel: str, data: list[Any], **more: Any) -> dict[str, Any]:
    result = {
        "instrument_name": ask.market, "subscription": ask.key, "channel": channel, **more,
        "data": data,
    }  # fmt: skip
    return {"id": -1, "method": "subscribe", "code": 0, "result": result}


def _page(method: str, result: Any) -> dict[str, Any]:
    return {"id": -1, "method": method, "code": 0, "result": result}


PLAYED = (PlayedExchange("cryptocom", "CRYPTO.COM", CryptocomReader, CryptocomPlayer),)

"""Kraken: recordings of WebSocket v1, and today's messages, of v2.

https://docs.kraken.com/api/docs/websocket-v1/book and …/websocket-v2/book. Prices of v1 have more
decimals than the pair's, those of v2 have the pair's. Trades of v1 have no ids: each pair's are
numbered here.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any
from zlib import crc32

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
    bare,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ASSETS = {"XBT": "BTC", "XDG": "DOGE"}
CODES = {"XXBT": "BTC", "XBT": "BTC", "XXDG": "DOGE", "XDG": "DOGE"}  # of the listing
FIRST_TRADE_ID = 4_665_846
TRADES_AT_FIRST = 50
CHECKED_LEVELS = 10
DEFAULT_DEPTH = 10
PAGE_ROWS = 1000
NO_TIMES = {"time_in": "2023-09-25T09:04:31.742599Z", "time_out": "2023-09-25T09:04:31.742648Z"}


class KrakenReader(Reader):
    """Frames of `wss://ws.kraken.com`: `[channelID, {…}, …, "book-1000", "XBT/USD"]`."""

    def __init__(self) -> None:
        self._trades: Counter[str] = Counter()

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the pairs of the recorded AssetPairs."""
        rows: dict[str, tuple[str, Any]] = {}
        for url, body in pages.items():
            if "/public/AssetPairs" in url:
                for key, row in json.loads(body)["result"].items():
                    rows[_symbol(row.get("wsname", ""))] = (key, row)
        for symbol in seen:
            yield Market(symbol, symbol, rows[symbol])

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; a ticker also holds a quote."""
        if frame.kind != "recv" or not frame.data.startswith("["):
            return
        _, *parts, name, pair = json.loads(frame.data)
        market, received_ms = _symbol(pair), frame.at_ns // 1_000_000
        if name == "trade":
            for price, size, at, side, kind, _ in parts[0]:
                self._trades[market] += 1
                yield Trade(
                    market, _ms(at), str(FIRST_TRADE_ID + self._trades[market]), price, size,
                    "buy" if side == "b" else "sell", "market" if kind == "m" else "limit",
                )  # fmt: skip
        elif name == "ticker":
            row = parts[0]
            yield Ticker(
                market, received_ms, row["c"][0], row["b"][0], row["a"][0], row["h"][1],
                row["l"][1], row["v"][1], _percent(row), row,
            )  # fmt: skip
            yield Quote(
                market, received_ms, row["b"][0], row["b"][2], row["a"][0], row["a"][2], raw=row
            )
        elif name.startswith("book"):
            sides = {key: rows for part in parts for key, rows in part.items() if key != "c"}
            times = [_us(row[2]) for rows in sides.values() for row in rows]
            at_us = max(times, default=received_ms * 1000)
            yield Depth(
                market, at_us // 1000,
                _levels(sides.get("bs", sides.get("b", ()))),
                _levels(sides.get("as", sides.get("a", ()))),
                whole="as" in sides, last=at_us,
            )  # fmt: skip


class KrakenPlayer(Player):
    """`/v2` and the REST pages of the market data."""

    sockets = ("/v2",)

    def page(self, request: PageRequest) -> Any:
        """Return the pairs, their assets, a book, or the newest trades."""
        entries = dict(state.market.entry for state in self.states.values())
        if request.path == "/0/public/AssetPairs":
            return _answer({key: {**row, "status": "online"} for key, row in entries.items()})
        if request.path == "/0/public/Assets":
            assets = {row[side] for row in entries.values() for side in ("base", "quote")}
            return _answer({one: _asset(one) for one in sorted(assets)})
        state = next((s for s in self.states.values() if _is_named(s, request.query)), None)
        if state is None:
            return {"error": ["EQuery:Unknown asset pair"]}
        key = state.market.entry[0]
        if request.path == "/0/public/Depth":
            count = int(request.query.get("count", 100))
            book = state.book
            at_s = (book.time_ms or 0) // 1000
            return _answer(
                {
                    key: {
                        "asks": [[price, size, at_s] for price, size in book.asks(count)],
                        "bids": [[price, size, at_s] for price, size in book.bids(count)],
                    }
                }
            )
        if request.path == "/0/public/Trades":
            count = min(PAGE_ROWS, int(request.query.get("count", PAGE_ROWS)))
            rows = [
                [one.price, one.size, (one.time_ms or 0) / 1000, (one.side or "")[0],
                 one.raw[0], "", int(one.id or 0)]
                for one in list(state.trades)[-count:]
            ]  # fmt: skip
            last = state.trades[-1].time_ms if state.trades else 0
            return _answer({key: rows, "last": f"{last}000000"})
        return None

    def opened(self, session: Session) -> Iterable[Message]:
        """Begin with the status."""
        row = {
            "version": "2.0.10", "system": "online", "api_version": "v2",
            "connection_id": 6447481662169813000 + session.number,
        }  # fmt: skip
        return [{"channel": "status", "type": "update", "data": [row]}]

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}`."""
        if message.get("method") == "ping":
            yield {"method": "pong", **NO_TIMES}
            return
        params = message["params"]
        channel, trigger = params["channel"], params.get("event_trigger", "trades")
        played = {"ticker": "quote" if trigger == "bbo" else "ticker"}.get(channel, channel)
        for symbol in params["symbol"]:
            yield Ask(
                (channel, symbol),
                played if played in {"ticker", "quote", "trade", "book"} else None,
                symbol,
                message,
                ends=message["method"] == "unsubscribe",
                options={"depth": params.get("depth", DEFAULT_DEPTH), "event_trigger": trigger},
            )

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge each symbol of its own."""
        return [_acknowledged(subscription.ask)]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for a pair that does not exist."""
        return [{
            "error": f"Currency pair not supported {ask.market}", "method": "subscribe",
            "req_id": ask.request.get("req_id"), "success": False, "symbol": ask.market, **NO_TIMES,
        }]  # fmt: skip

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [_acknowledged(ask)]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last 50 trades, or the ticker."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "book" and state.book:
            return [self._snapshot(subscription, state)]
        if ask.channel == "trade" and state.trades:
            newest = islice(state.trades, max(0, len(state.trades) - TRADES_AT_FIRST), None)
            return [_message("trade", "snapshot", [_trade(one, state) for one in newest])]
        one = state.ticker if ask.channel == "ticker" else state.quote
        if ask.channel in {"ticker", "quote"} and one is not None:
            return [_message("ticker", "snapshot", [_ticker(one, state)])]
        return ()

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message; a change behind the levels subscribed to is not sent."""
        channel, event = subscription.ask.channel, events[0]
        if channel == "trade":
            return [_message("trade", "update", [_trade(one, state) for one in events])]
        if channel != "book":
            return [_message("ticker", "update", [_ticker(event, state)])]
        if event.whole or "sent" not in subscription.state:
            return [self._snapshot(subscription, state)]
        before, now = subscription.state["sent"], self._best(subscription, state)
        bids, asks = (
            _changes(*sides)
            for sides in zip(
                before, now, (dict(state.book.bids()), dict(state.book.asks())), strict=True
            )
        )
        if not bids and not asks:
            return ()
        subscription.state["sent"] = now
        return [_message("book", "update", [_book(bids, asks, state)])]

    def _snapshot(self, subscription: Subscription, state: MarketState) -> Message:
        subscription.state["sent"] = bids, asks = self._best(subscription, state)
        return _message("book", "snapshot", [_book(bids, asks, state)])

    def _best(
        self, subscription: Subscription, state: MarketState
    ) -> tuple[list[LevelTexts], list[LevelTexts]]:
        depth = subscription.ask.options["depth"]
        return state.book.bids(depth), state.book.asks(depth)


def checksum(state: MarketState) -> int:
    """Return the CRC32 of the best ten asks and bids: digits without point and leading zeros."""
    text = ""
    for price, size in (*state.book.asks(CHECKED_LEVELS), *state.book.bids(CHECKED_LEVELS)):
        for number in (_price(price, state), size):
            text += number.replace(".", "").lstrip("0")
    return crc32(text.encode())


def _changes(
    before: list[LevelTexts], now: list[LevelTexts], whole: Mapping[str, str]
) -> list[LevelTexts]:
    """Return the levels that changed or came; those that are gone, but not those out of reach."""
    known, best = dict(before), dict(now)
    gone = [(price, "0") for price in known if price not in best and price not in whole]
    return [level for level in now if known.get(level[0]) != level[1]] + gone


def _message(channel: str, kind: str, data: list[Any]) -> Message:
    return {"channel": channel, "type": kind, "data": data}


def _acknowledged(ask: Ask) -> Message:
    params = ask.request["params"]
    result = {"channel": params["channel"], "symbol": ask.market, "snapshot": True}
    if params["channel"] == "book":
        result["depth"] = ask.options["depth"]
    if params["channel"] == "ticker":
        result["event_trigger"] = ask.options["event_trigger"]
    return {
        "method": ask.request["method"], "result": result, "success": True,
        "req_id": ask.request.get("req_id"), **NO_TIMES,
    }  # fmt: skip


def _book(bids: list[LevelTexts], asks: list[LevelTexts], state: MarketState) -> Any:
    def rows(levels: list[LevelTexts]) -> list[Any]:
        return [{"price": bare(_price(price, state)), "qty": bare(size)} for price, size in levels]

    return {
        "symbol": state.market.id, "bids": rows(bids), "asks": rows(asks),
        "checksum": checksum(state), "timestamp": _time(state.book.last),
    }  # fmt: skip


def _trade(one: Trade, state: MarketState) -> Any:
    return {
        "symbol": one.market, "side": one.side, "price": bare(_price(one.price, state)),
        "qty": bare(one.size), "ord_type": one.raw, "trade_id": int(one.id or 0),
        "timestamp": iso8601(one.time_ms or 0),
    }  # fmt: skip


def _ticker(one: Ticker | Quote, state: MarketState) -> Any:
    row = one.raw
    prices = {
        "bid": row["b"][0], "ask": row["a"][0], "last": row["c"][0], "vwap": row["p"][1],
        "low": row["l"][1], "high": row["h"][1],
    }  # fmt: skip
    return {
        "symbol": one.market,
        **{name: bare(_price(text, state)) for name, text in prices.items()},
        "bid_qty": bare(row["b"][2]),
        "ask_qty": bare(row["a"][2]),
        "volume": bare(row["v"][1]),
        "change": bare(str(Decimal(row["c"][0]) - Decimal(row["o"][1]))),
        "change_pct": bare(_percent(row)),
        "timestamp": iso8601(one.time_ms or 0),
    }


def _price(text: str, state: MarketState) -> str:
    """Return a price with the pair's decimals, unless it has more digits than those."""
    decimals: int = state.market.entry[1]["pair_decimals"]
    whole, _, fraction = text.partition(".")
    kept = fraction.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{kept}" if kept else whole


def _percent(row: Mapping[str, Any]) -> str:
    first = Decimal(row["o"][1])
    return str(round((Decimal(row["c"][0]) - first) / first * 100, 2))


def _symbol(name: str) -> str:
    return "/".join(ASSETS.get(asset, asset) for asset in name.split("/"))


def _ms(seconds: str) -> int:
    return int(Decimal(seconds) * 1000)


def _time(at_us: int) -> str:
    return f"{iso8601(at_us // 1000)[:-1]}{at_us % 1000:03}Z"


def _us(seconds: str) -> int:
    return int(Decimal(seconds) * 1_000_000)


def _levels(rows: Iterable[Sequence[str]]) -> tuple[LevelTexts, ...]:
    """Return prices and sizes; the last of two with one price counts."""
    return tuple({row[0]: (row[0], row[1]) for row in rows}.values())


def _asset(name: str) -> dict[str, Any]:
    alias = CODES.get(name, name[1:] if len(name) == len("ZEUR") and name[0] in "XZ" else name)
    return {
        "aclass": "currency", "altname": {"BTC": "XBT", "DOGE": "XDG"}.get(alias, alias),
        "decimals": 10, "display_decimals": 5, "status": "enabled",
    }  # fmt: skip


def _is_named(state: MarketState, query: Mapping[str, str]) -> bool:
    key, row = state.market.entry
    return query.get("pair") in {key, row["altname"], row.get("wsname"), state.market.symbol}


def _answer(result: Any) -> Any:
    return {"error": [], "result": result}


PLAYED = (PlayedExchange("kraken", "KRAKEN", KrakenReader, KrakenPlayer),)

"""Bitget: recordings of v1 from 2022 on, and today's messages, of v2.

https://www.bitget.com/api-doc/spot/websocket/public/Depth-Channel. In v1 spot is `sp` and contracts
are `mc`, tickers have other names and trades are rows without ids: they are numbered here.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from zlib import crc32

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

CHANNELS = {"ticker": "ticker", "trade": "trade", "books": "book"}
PRODUCTS = {
    "USDT": "USDT-FUTURES",
    "PERP": "USDC-FUTURES",
    "USD": "COIN-FUTURES",
}  # by the id's end
SETTLED = {"USDT-FUTURES": "USDT", "USDC-FUTURES": "USDC"}
FIRST_TRADE_ID = 1_116_461_060_594_286_592
TRADES_AT_FIRST = 50
CHECKED_LEVELS = 25
# Today's names in tickers, and those of v1.
LAST, BID, ASK = ("lastPr", "last"), ("bidPr", "bestBid"), ("askPr", "bestAsk")


class BitgetReader(Reader):
    """Frames of `/mix/v1/stream` and `/v2/ws/public`: `{"action":…,"arg":{…},"data":[…]}`."""

    def __init__(self) -> None:
        self._trades: Counter[str] = Counter()

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the markets of the recorded listings."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/products" in url or "/symbols" in url or "/contracts" in url:
                for row in json.loads(body)["data"]:
                    id_ = row["symbol"].partition("_")[0]
                    contract = "supportMarginCoins" in row
                    rows[_key(_product(id_) if contract else "SPOT", id_)] = row
        for key in seen:
            product, _, id_ = key.rpartition(":")
            entry = _today(rows[key], id_, product)
            yield Market(key, _symbol(entry, product), entry)

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; a ticker also holds a quote."""
        if frame.kind != "recv" or '"action"' not in frame.data:
            return
        message = json.loads(frame.data)
        arg, data = message["arg"], message["data"]
        product = {"sp": "SPOT", "mc": _product(arg["instId"])}.get(arg["instType"])
        market, channel = _key(product or arg["instType"], arg["instId"]), arg["channel"]
        if channel == "trade":
            for row in reversed(data):
                yield self._trade(market, row)
        elif channel == "ticker":
            for row in data:
                yield from _ticker(market, row)
        elif channel == "books":
            for row in data:
                yield Depth(
                    market, int(row["ts"]), _levels(row["bids"]), _levels(row["asks"]),
                    whole=message["action"] == "snapshot", before=int(row.get("pseq", 0)),
                    last=int(row.get("seq", 0)), raw=row,
                )  # fmt: skip

    def _trade(self, market: str, row: Any) -> Trade:
        if isinstance(row, dict):
            return Trade(
                market, int(row["ts"]), row["tradeId"], row["price"], row["size"], row["side"]
            )
        self._trades[market] += 1
        time_ms, price, size, side = row
        id_ = str(FIRST_TRADE_ID + 7 * self._trades[market])
        return Trade(market, int(time_ms), id_, price, size, side)


class BitgetPlayer(Player):
    """`/v2/ws/public` and the REST pages of the market data."""

    sockets = ("/v2/ws/public",)
    carried = {"quote": "ticker"}  # noqa: RUF012

    def page(self, request: PageRequest) -> Any:
        """Return the markets of a product, nothing of coins and margins, or a book."""
        path, query = request.path, request.query
        entries = {key: state.market.entry for key, state in self.states.items()}
        if path == "/api/v2/spot/public/symbols":
            return _answer([row for key, row in entries.items() if ":" not in key])
        if path == "/api/v2/mix/market/contracts":
            product = f"{query.get('productType', '')}:"
            return _answer([row for key, row in entries.items() if key.startswith(product)])
        if path in {"/api/v2/spot/public/coins", "/api/v2/margin/currencies"}:
            return _answer([])
        if path in {"/api/v2/spot/market/orderbook", "/api/v2/mix/market/merge-depth"}:
            state = self.states.get(_key(query.get("productType", "SPOT"), query["symbol"]))
            if state is not None:
                limit = int(query.get("limit", 150))
                return _answer({
                    "bids": _rows(state.book.bids(limit)), "asks": _rows(state.book.asks(limit)),
                    "ts": str(state.book.time_ms),
                })  # fmt: skip
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"op":"subscribe","args":[{"instType":…,"channel":"books","instId":…}]}`."""
        if message == "ping":
            yield "pong"
            return
        for arg in message.get("args", ()):
            yield Ask(
                (arg["instType"], arg["channel"], arg["instId"]),
                CHANNELS.get(arg["channel"]),  # type: ignore[arg-type]
                _key(arg["instType"], arg["instId"]),
                arg,
                ends=message["op"] == "unsubscribe",
            )

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge each argument of its own."""
        return [{"event": "subscribe", "arg": subscription.ask.request}]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for a market that does not exist, code 30001."""
        arg = ask.request
        text = ",".join(f"{name}:{value}" for name, value in arg.items()) + " doesn't exist"
        return [{"event": "error", "arg": arg, "code": 30001, "msg": text, "op": "subscribe"}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [{"event": "unsubscribe", "arg": ask.request}]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last ticker, or 50 earlier trades, newest first."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "book" and state.book:
            return self.messages([state.book.whole(ask.market)], subscription, state)
        if ask.channel == "ticker" and state.ticker is not None:
            return self.messages([state.ticker], subscription, state)
        if ask.channel == "trade" and state.trades:
            rows = _trades(list(state.trades)[-TRADES_AT_FIRST:])
            return [_message(ask, "snapshot", rows, state.trades[-1].time_ms)]
        return []

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message; a whole book is sent as a snapshot."""
        ask, event = subscription.ask, events[-1]
        if ask.channel == "trade":
            return [_message(ask, "update", _trades(events), event.time_ms)]
        if ask.channel == "ticker":
            return [_message(ask, "snapshot", [_today_ticker(event, ask)], event.time_ms)]
        row = {
            "asks": _rows(event.asks),
            "bids": _rows(event.bids),
            "checksum": checksum(state.book.bids(CHECKED_LEVELS), state.book.asks(CHECKED_LEVELS)),
            "seq": event.last,
            "ts": str(event.time_ms),
        }
        return [_message(ask, "snapshot" if event.whole else "update", [row], event.time_ms)]


def checksum(bids: Sequence[LevelTexts], asks: Sequence[LevelTexts]) -> int:
    """Return the signed CRC32 of the best 25 levels: `bid:size:ask:size:…`, best first."""
    parts: list[str] = []
    for bid, ask in zip_longest(bids, asks):
        parts += [*(bid or ()), *(ask or ())]
    value = crc32(":".join(parts).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def _key(product: str, id_: str) -> str:
    """Return the id of a market here: spot and contracts have the same ones."""
    return id_ if product == "SPOT" else f"{product}:{id_}"


def _product(id_: str) -> str:
    return next((name for end, name in PRODUCTS.items() if id_.endswith(end)), "USDT-FUTURES")


def _today(row: dict[str, Any], id_: str, product: str) -> dict[str, Any]:
    """Return a market as v2 lists it."""
    if product:
        return {**row, "symbol": id_, "symbolType": "perpetual", "symbolStatus": "normal",
                "sizeMultiplier": row.get("sizeMultiplier", row["minTradeNum"])}  # fmt: skip
    return {
        "pricePrecision": row.get("priceScale"), "quantityPrecision": row.get("quantityScale"),
        **row, "symbol": id_, "status": "online",
    }  # fmt: skip


def _symbol(entry: Mapping[str, Any], product: str) -> str:
    symbol = f"{entry['baseCoin']}/{entry['quoteCoin']}"
    return f"{symbol}:{SETTLED.get(product, entry['baseCoin'])}" if product else symbol


def _ticker(market: str, row: dict[str, Any]) -> Iterator[Event]:
    bid, ask, last = (_first(row, names) for names in (BID, ASK, LAST))
    time_ms = int(row.get("ts") or row["systemTime"])
    yield Ticker(
        market, time_ms, last, bid, ask, row["high24h"], row["low24h"], row["baseVolume"],
        _percent(row, last), raw=row,
    )  # fmt: skip
    yield Quote(market, time_ms, bid, row.get("bidSz"), ask, row.get("askSz"), raw=row)


def _percent(row: Mapping[str, Any], last: str | None) -> str | None:
    fraction = row.get("change24h", row.get("priceChangePercent"))
    if fraction is not None:
        return str(Decimal(fraction) * 100)
    first = Decimal(row.get("open24h") or 0)
    return str((Decimal(last) - first) / first * 100) if first and last else None


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((row[name] for name in names if row.get(name)), None)


def _today_ticker(event: Ticker, ask: Ask) -> dict[str, Any]:
    row, percent = event.raw, event.change_percent
    return {
        "instId": ask.request["instId"], "lastPr": event.last, "open24h": row.get("open24h", ""),
        "high24h": event.high, "low24h": event.low,
        "change24h": "" if percent is None else str(Decimal(percent) / 100),
        "bidPr": event.bid or "", "bidSz": row.get("bidSz", ""), "askPr": event.ask or "",
        "askSz": row.get("askSz", ""), "baseVolume": event.volume,
        "quoteVolume": row.get("quoteVolume", ""), "ts": str(event.time_ms),
    }  # fmt: skip


def _trades(events: Sequence[Trade]) -> list[dict[str, Any]]:
    return [
        {
            "ts": str(one.time_ms), "price": one.price, "size": one.size, "side": one.side,
            "tradeId": one.id,
        }
        for one in reversed(events)
    ]  # fmt: skip


def _levels(rows: Sequence[Sequence[str]]) -> tuple[LevelTexts, ...]:
    return tuple((row[0], row[1]) for row in rows)


def _rows(levels: Iterable[LevelTexts]) -> list[list[str]]:
    return [[price, size] for price, size in levels]


def _message(ask: Ask, action: str, data: list[Any], time_ms: int | None) -> dict[str, Any]:
    return {"action": action, "arg": ask.request, "data": data, "ts": time_ms}


def _answer(data: Any) -> dict[str, Any]:
    return {"code": "00000", "msg": "success", "requestTime": 1695710946294, "data": data}


PLAYED = (PlayedExchange("bitget", "BITGET", BitgetReader, BitgetPlayer),)

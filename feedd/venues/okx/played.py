"""OKX: recordings from 2022 on, and today's messages.

https://www.okx.com/docs-v5/en/#order-book-trading-market-data. A recording of 2022 has neither
`seqId` nor `prevSeqId`; all else is today's form.
"""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from itertools import zip_longest
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
    TrueBook,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS = {"tickers": "ticker", "trades": "trade", "books": "book", "bbo-tbt": "quote"}
# That are read; those of a book have one form, and a recording has one of them.
RECORDED = {*CHANNELS, "trades-all", "books-l2-tbt", "books50-l2-tbt"}
SNAPSHOT_LEVELS = 400
CHECKED_LEVELS = 25
PAGE_ROWS = 100


class OkxReader(Reader):
    """Frames of `/ws/v5/public`: `{"arg":{"channel":…,"instId":…},"action":…,"data":[…]}`.

    Where a recording lacks `bbo-tbt`, the channel of quotes, these are the first level of the book,
    whenever it changes.
    """

    def __init__(self) -> None:
        self._books: dict[str, TrueBook] = {}
        self._own_quotes = False

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the instruments of the recorded listings."""
        rows: dict[str, Any] = {}
        for url, body in pages.items():
            if "/public/instruments" in url:
                rows |= {row["instId"]: row for row in json.loads(body)["data"]}
        for id_ in seen:
            yield Market(id_, _symbol(rows[id_]), rows[id_])

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame."""
        if frame.kind == "send":
            self._own_quotes |= '"bbo-tbt"' in frame.data
        if frame.kind != "recv" or '"data"' not in frame.data:
            return
        message = json.loads(frame.data)
        channel = message["arg"]["channel"]
        if channel not in RECORDED:
            return
        market = message["arg"]["instId"]
        for row in message["data"]:
            time_ms = int(row["ts"])
            if channel in {"trades", "trades-all"}:
                yield Trade(
                    market, time_ms, row["tradeId"], row["px"], row["sz"], row["side"], raw=row
                )
            elif channel == "tickers":
                yield Ticker(
                    market, time_ms, row["last"], row["bidPx"] or None, row["askPx"] or None,
                    row["high24h"], row["low24h"], row["vol24h"], _change(row), raw=row,
                )  # fmt: skip
            elif channel == "bbo-tbt":
                yield _quote(market, time_ms, *_sides(row), str(row["seqId"]))
            else:
                depth = Depth(
                    market, time_ms, _levels(row["bids"]), _levels(row["asks"]),
                    whole=message["action"] == "snapshot",
                    before=max(0, row.get("prevSeqId", 0)), last=row.get("seqId", 0),
                )  # fmt: skip
                yield depth
                yield from self._quotes(depth)

    def _quotes(self, depth: Depth) -> Iterable[Quote]:
        book = self._books.setdefault(depth.market, TrueBook())
        before = book.bids(1), book.asks(1)
        book.apply(depth)
        best = book.bids(1), book.asks(1)
        if best != before and not self._own_quotes:
            yield _quote(depth.market, depth.time_ms, *best, str(book.last))


class OkxPlayer(Player):
    """`/ws/v5/public` and the REST pages of the market data."""

    sockets = ("/ws/v5/public",)

    def page(self, request: PageRequest) -> Any:
        """Return the list of instruments, a book, or earlier trades."""
        query = request.query
        if request.path == "/api/v5/public/instruments":
            entries = [state.market.entry for state in self.states.values()]
            return _answer([row for row in entries if row["instType"] == query.get("instType")])
        if request.path == "/api/v5/public/time":
            return _answer([{"ts": str(request.now_ms)}])
        state = self.states.get(query.get("instId", ""))
        if state is None:
            return {"code": "51001", "msg": "Instrument ID doesn't exist.", "data": []}
        if request.path == "/api/v5/market/books":
            return _answer([_book(state, int(query.get("sz", 1)))])
        if request.path in {"/api/v5/market/trades", "/api/v5/market/history-trades"}:
            after, before = int(query.get("after", 1 << 62)), int(query.get("before", -1))
            rows = [one for one in state.trades if before < int(one.id or 0) < after]
            limit = min(PAGE_ROWS, int(query.get("limit", PAGE_ROWS)))
            return _answer([_trade(one) for one in reversed(rows[-limit:])])
        return None

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}`."""
        if message == "ping":
            yield "pong"
            return
        for arg in message.get("args", ()):
            yield Ask(
                (arg["channel"], arg.get("instId")),
                CHANNELS.get(arg["channel"]),  # type: ignore[arg-type]
                arg.get("instId", ""),
                arg,
                ends=message["op"] == "unsubscribe",
                options={"id": message["id"]} if "id" in message else {},
            )

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Acknowledge each argument of its own, with the request's id."""
        ask = subscription.ask
        return [{**ask.options, "event": "subscribe", "arg": ask.request, "connId": "a4d3ae55"}]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for an instrument that doesn't exist, code 60018."""
        text = (
            f"Wrong URL or channel:{ask.request['channel']},instId:{ask.market} doesn't exist. "
            "Please use the correct URL, channel and parameters referring to API document."
        )
        error = {"event": "error", "code": "60018", "msg": text, "connId": "a4d3ae55"}
        return [{**ask.options, **error}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Acknowledge the end."""
        return [{**ask.options, "event": "unsubscribe", "arg": ask.request, "connId": "a4d3ae55"}]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the snapshot of a book, the last trade, or the last ticker."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "book" and state.book:
            row = {**_book(state, SNAPSHOT_LEVELS), "prevSeqId": -1}
            return [{"arg": ask.request, "action": "snapshot", "data": [row]}]
        if ask.channel == "ticker" and state.ticker is not None:
            return [{"arg": ask.request, "data": [state.ticker.raw]}]
        if ask.channel == "trade" and state.trades:
            return [{"arg": ask.request, "data": [_trade(state.trades[-1])]}]
        if ask.channel == "quote" and state.quote is not None:
            return [{"arg": ask.request, "data": [_best(state.quote)]}]
        return ()

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message; a whole book is sent as a snapshot."""
        ask, event = subscription.ask, events[0]
        if ask.channel == "trade":
            return [{"arg": ask.request, "data": [_trade(one) for one in events]}]
        if ask.channel == "ticker":
            return [{"arg": ask.request, "data": [event.raw]}]
        if ask.channel == "quote":
            return [{"arg": ask.request, "data": [_best(event)]}]
        row = {
            "asks": _rows(event.asks),
            "bids": _rows(event.bids),
            "ts": str(event.time_ms),
            "checksum": checksum(state.book.bids(CHECKED_LEVELS), state.book.asks(CHECKED_LEVELS)),
            "seqId": event.last,
            "prevSeqId": -1 if event.whole else event.before,
        }
        action = "snapshot" if event.whole else "update"
        return [{"arg": ask.request, "action": action, "data": [row]}]


def checksum(bids: Sequence[LevelTexts], asks: Sequence[LevelTexts]) -> int:
    """Return the signed CRC32 of the best 25 levels: `bid:size:ask:size:…`, best first."""
    parts: list[str] = []
    for bid, ask in zip_longest(bids, asks):
        parts += [*(bid or ()), *(ask or ())]
    value = zlib.crc32(":".join(parts).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def _symbol(row: Mapping[str, str]) -> str:
    if row["instType"] == "SPOT":
        return f"{row['baseCcy']}/{row['quoteCcy']}"
    base, quote, *end = row["instId"].split("-")
    symbol = f"{base}/{quote}:{row['settleCcy']}"
    return symbol if end == ["SWAP"] else "-".join([symbol, *end])


def _change(row: Mapping[str, str]) -> str:
    first = Decimal(row["open24h"])
    return str((Decimal(row["last"]) - first) / first * 100)


def _sides(row: Mapping[str, Any]) -> tuple[Sequence[LevelTexts], Sequence[LevelTexts]]:
    return _levels(row["bids"]), _levels(row["asks"])


def _quote(
    market: str,
    time_ms: int | None,
    bids: Sequence[LevelTexts],
    asks: Sequence[LevelTexts],
    id_: str,
) -> Quote:
    bid, bid_size = bids[0] if bids else (None, None)
    ask, ask_size = asks[0] if asks else (None, None)
    return Quote(market, time_ms, bid, bid_size, ask, ask_size, id_)


def _levels(rows: Sequence[Sequence[str]]) -> tuple[LevelTexts, ...]:
    return tuple((row[0], row[1]) for row in rows)


def _rows(levels: Iterable[LevelTexts]) -> list[list[str]]:
    return [[price, size, "0", "1"] for price, size in levels]


def _book(state: MarketState, limit: int) -> dict[str, Any]:
    book = state.book
    return {
        "asks": _rows(book.asks(limit)),
        "bids": _rows(book.bids(limit)),
        "ts": str(book.time_ms),
        "checksum": checksum(book.bids(CHECKED_LEVELS), book.asks(CHECKED_LEVELS)),
        "seqId": book.last,
    }


def _best(quote: Quote) -> dict[str, Any]:
    """Return a row of `bbo-tbt`."""
    bid, ask = (quote.bid, quote.bid_size), (quote.ask, quote.ask_size)
    return {
        "asks": [] if ask[0] is None else [[*ask, "0", "1"]],
        "bids": [] if bid[0] is None else [[*bid, "0", "1"]],
        "ts": str(quote.time_ms),
        "seqId": int(quote.id or 0),
    }


def _trade(one: Trade) -> dict[str, Any]:
    return {
        "instId": one.market, "tradeId": one.id, "px": one.price, "sz": one.size,
        "side": one.side, "ts": str(one.time_ms), "count": "1", "source": "0", **(one.raw or {}),
    }  # fmt: skip


def _answer(data: list[Any]) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": data}


PLAYED = (PlayedExchange("okx", "OKX", OkxReader, OkxPlayer),)

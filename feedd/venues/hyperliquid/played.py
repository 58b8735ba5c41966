"""Hyperliquid: recordings of books and trades, and today's messages.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions. A
recording has no list of markets: the player's has what ccxt reads of one.
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
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHANNELS = {"l2Book": "book", "bbo": "quote", "trades": "trade", "activeAssetCtx": "ticker"}
BOOK_LEVELS = 20
PAGE_ROWS = 30  # of the first message of trades
SIDES = {"B": "buy", "A": "sell"}
LETTERS = {side: letter for letter, side in SIDES.items()}


class HyperliquidReader(Reader):
    """Frames of `/ws`: `{"channel":"l2Book","data":{"coin":"BTC","time":…,"levels":[…,…]}}`."""

    def recognises(self, text: str) -> bool:
        """Return whether a frame is a book or trades of a coin."""
        start = text[:60].replace(" ", "")
        return start.startswith(('{"channel":"l2Book"', '{"channel":"trades","data":[{"coin"'))

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return a perpetual of each name without a slash, else a spot market."""
        for name in seen:
            spot = "/" in name or name.startswith("@")
            yield Market(name, name if spot else f"{name.upper()}/USDC:USDC")

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a frame; a book also holds a quote."""
        if frame.kind != "recv" or '"data"' not in frame.data:
            return
        message = json.loads(frame.data)
        kind, data = message["channel"], message["data"]
        if kind == "trades":
            for row in data:
                yield Trade(
                    row["coin"], row["time"], str(row["tid"]), row["px"], row["sz"],
                    SIDES[row["side"]], raw=row,  # type: ignore[arg-type]
                )  # fmt: skip
        elif kind == "l2Book":
            bids, asks = (tuple((row["px"], row["sz"]) for row in side) for side in data["levels"])
            market, time_ms = data["coin"], data["time"]
            yield Depth(market, time_ms, bids, asks, whole=True, last=time_ms)
            bid, ask = (side[0] if side else (None, None) for side in (bids, asks))
            yield Quote(market, time_ms, *bid, *ask)
        elif kind == "activeAssetCtx":
            ctx = data["ctx"]
            change = (float(ctx["markPx"]) / float(ctx["prevDayPx"]) - 1) * 100
            yield Ticker(
                data["coin"], None, ctx["midPx"], volume=ctx.get("dayBaseVlm"),
                change_percent=str(change), raw=ctx,
            )  # fmt: skip


class HyperliquidPlayer(Player):
    """`/ws` and the REST page `/info`."""

    sockets = ("/ws",)

    def page(self, request: PageRequest) -> Any:
        """Return the answer to `POST /info`, whose body names what is requested."""
        if request.path != "/info":
            return None
        body = json.loads(request.body or "{}")
        kind = body.get("type")
        names = list(self.states)
        perpetuals = [name for name in names if "/" not in name and not name.startswith("@")]
        universe = [{"name": name, "szDecimals": 5, "maxLeverage": 40} for name in perpetuals]
        if kind == "meta":
            return {"universe": universe}
        if kind == "metaAndAssetCtxs":
            return [{"universe": universe}, [_ctx(self.states[name]) for name in perpetuals]]
        if kind in {"spotMeta", "spotMetaAndAssetCtxs"}:
            spot = [name for name in names if name not in perpetuals]
            codes = ["USDC", *(name.partition("/")[0] for name in spot)]
            tokens = [
                {"name": code, "index": at, "szDecimals": 5, "weiDecimals": 8}
                for at, code in enumerate(codes)
            ]
            pairs = [
                {"name": name, "tokens": [at + 1, 0], "index": at} for at, name in enumerate(spot)
            ]
            meta = {"tokens": tokens, "universe": pairs}
            return meta if kind == "spotMeta" else [meta, [_ctx(self.states[x]) for x in spot]]
        if kind == "perpDexs":
            return [None]
        state = self.states.get(body.get("coin", ""))
        if kind == "recentTrades" and state is not None:
            return [_trade(one) for one in list(state.trades)[-PAGE_ROWS:]]
        return _book(state) if kind == "l2Book" and state is not None else None

    def opened(self, session: Session) -> Iterable[Message]:
        """Begin as the venue does, with a text that is no JSON."""
        return ["Websocket connection established."]

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Read `{"method":"subscribe","subscription":{"type":"l2Book","coin":"BTC"}}`."""
        if message.get("method") == "ping":
            yield {"channel": "pong"}
            return
        wanted = message["subscription"]
        yield Ask(
            tuple(sorted(wanted.items())),
            CHANNELS.get(wanted["type"]),  # type: ignore[arg-type]
            wanted.get("coin", ""),
            wanted,
            ends=message["method"] == "unsubscribe",
        )

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Repeat the subscription."""
        return [_response("subscribe", subscription.ask)]

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Refuse as for a coin that doesn't exist."""
        text = json.dumps(ask.request, separators=(",", ":"))
        return [{"channel": "error", "data": f"Invalid subscription {text}"}]

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Repeat the subscription that ended."""
        return [_response("unsubscribe", ask)]

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the newest book, quote or ticker, and the newest trades, oldest first."""
        ask, state = subscription.ask, self.states[subscription.ask.market]
        if ask.channel == "book" and state.book:
            return [{"channel": "l2Book", "data": _book(state)}]
        if ask.channel == "quote" and state.quote is not None:
            return [_quote(state.quote)]
        if ask.channel == "ticker" and state.ticker is not None:
            return [_ticker(state.ticker)]
        if ask.channel == "trade" and state.trades:
            rows = [_trade(one) for one in list(state.trades)[-PAGE_ROWS:]]
            return [{"channel": "trades", "data": rows}]
        return ()

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return one message."""
        channel = subscription.ask.channel
        if channel == "trade":
            return [{"channel": "trades", "data": [_trade(one) for one in events]}]
        if channel == "book":
            return [{"channel": "l2Book", "data": _book(state)}]
        return [_quote(events[0]) if channel == "quote" else _ticker(events[0])]


def _response(method: str, ask: Ask) -> Message:
    data = {"method": method, "subscription": ask.request}
    return {"channel": "subscriptionResponse", "data": data}


def _book(state: MarketState) -> dict[str, Any]:
    book = state.book
    sides = [_rows(book.bids(BOOK_LEVELS)), _rows(book.asks(BOOK_LEVELS))]
    return {"coin": state.market.id, "time": book.time_ms, "levels": sides}


def _rows(levels: Iterable[LevelTexts]) -> list[dict[str, Any]]:
    return [{"px": price, "sz": size, "n": 1} for price, size in levels]


def _quote(one: Quote) -> Message:
    sides = [
        None if price is None else {"px": price, "sz": size, "n": 1}
        for price, size in ((one.bid, one.bid_size), (one.ask, one.ask_size))
    ]
    return {"channel": "bbo", "data": {"coin": one.market, "time": one.time_ms, "bbo": sides}}


def _trade(one: Trade) -> dict[str, Any]:
    zeros = "0x" + 64 * "0"
    row = {
        "coin": one.market, "side": LETTERS[one.side or "buy"], "px": one.price, "sz": one.size,
        "time": one.time_ms, "hash": zeros, "tid": int(one.id or 0), "users": [zeros, zeros],
    }  # fmt: skip
    return {**row, **(one.raw or {})}


def _ticker(one: Ticker) -> Message:
    return {"channel": "activeAssetCtx", "data": {"coin": one.market, "ctx": one.raw}}


def _ctx(state: MarketState) -> dict[str, Any]:
    """Return what a list of markets says of one; its prices are of no further use."""
    if state.ticker is not None:
        return dict(state.ticker.raw)
    best = state.book.bids(1)
    price = best[0][0] if best else "1.0"
    return {"markPx": price, "midPx": price, "prevDayPx": price, "dayNtlVlm": "0.0"}


PLAYED = (PlayedExchange("hyperliquid", "HYPERLIQUID", HyperliquidReader, HyperliquidPlayer),)

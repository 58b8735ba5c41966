"""Bybit's raw messages, read by msgspec straight into typed fields.

https://bybit-exchange.github.io/docs/v5/ws/connect
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from feedd.books.depth import Snapshot, Update
from feedd.model import Liquidation, Quote, Trade
from feedd.numbers import check_numbers, exchange_id, plain_text
from feedd.venues import ticks
from feedd.venues.bybit import control
from feedd.venues.native import NoSnapshotError
from feedd.venues.typed import Exact, Levels, Number, Price, read_anything, typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.model import Ticker

Kind = Literal["snapshot", "delta"]
TAKER: dict[str, Literal["buy", "sell"]] = {"Buy": "buy", "Sell": "sell"}
# A position that is liquidated is closed by an order of the other side.
ORDER: dict[str, Literal["buy", "sell"]] = {"Buy": "sell", "Sell": "buy"}


class _Levels(Struct, gc=False):
    s: str
    b: Levels
    a: Levels
    u: int
    seq: int


class _OrderBook(Struct, gc=False):
    type: Kind
    ts: int
    data: _Levels

    @property
    def market_id(self) -> str:
        """The venue's id of the symbol."""
        return self.data.s


class _Best(Struct, gc=False):
    s: str
    b: Levels
    a: Levels
    u: int


class QuoteMessage(Struct, gc=False):
    """`orderbook.1.<symbol>`: the first level. What is not needed is not read: quotes are many.

    https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook: after 3 s without a change
    the last message comes again, with the same u::

        {"topic":"orderbook.1.BTCUSDT","ts":1672304484978,"type":"snapshot",
         "data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],
                 "u":18521288,"seq":7961638724},"cts":1672304484976}
    """

    type: str
    ts: int
    data: _Best

    market_id = property(attrgetter("data.s"))  # half the time of a function


class DepthMessage(_OrderBook, gc=False):
    """`orderbook.<levels>.<symbol>`; see `feedd.venues.bybit.book.to_depth`."""


class _Trade(Struct, gc=False):
    T: int
    s: str
    S: Literal["Buy", "Sell"]
    v: Number
    p: Price
    i: str


class TradesMessage(Struct, gc=False):
    """`publicTrade.<symbol>`: up to 1,024 trades, oldest first; S is the taker's side.

    https://bybit-exchange.github.io/docs/v5/websocket/public/trade::

        {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[
         {"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick",
          "i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"seq":1783284617}]}
    """

    ts: int
    data: list[_Trade]

    @property
    def market_id(self) -> str:
        """The venue's id of the symbol."""
        return self.data[0].s


class _Ticker(Struct):
    symbol: str
    last: Exact | UnsetType = field(name="lastPrice", default=UNSET)
    volume: Exact | UnsetType = field(name="volume24h", default=UNSET)
    high: Exact | UnsetType = field(name="highPrice24h", default=UNSET)
    low: Exact | UnsetType = field(name="lowPrice24h", default=UNSET)
    change: Exact | UnsetType = field(name="price24hPcnt", default=UNSET)
    bid: Exact | UnsetType = field(name="bid1Price", default=UNSET)
    ask: Exact | UnsetType = field(name="ask1Price", default=UNSET)


TICKER_FIELDS = tuple(name for name in _Ticker.__struct_fields__ if name != "symbol")


class TickerMessage(Struct):
    """`tickers.<symbol>`: a snapshot, then what changed; spot sends snapshots alone.

    https://bybit-exchange.github.io/docs/v5/websocket/public/ticker: price24hPcnt is a fraction.
    Spot has no bid1Price and no ask1Price::

        {"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Price":"17215.00",
         "bid1Size":"2.1","lastPrice":"17216.00"},"cs":24987956060,"ts":1673272861786}
    """

    type: Kind
    ts: int
    data: _Ticker

    @property
    def market_id(self) -> str:
        """The venue's id of the symbol."""
        return self.data.symbol


class _Topic(Struct):
    topic: str
    ts: int

    @property
    def market_id(self) -> str:
        """The venue's id of the symbol."""
        return self.topic.rpartition(".")[2]


class CandlesMessage(_Topic):
    """`kline.<interval>.<symbol>`; seldom enough for `parsers.candles`."""


class _Liquidation(Struct):
    T: int
    s: str
    S: Literal["Buy", "Sell"]
    v: Number
    p: Number


class LiquidationsMessage(_Topic):
    """`allLiquidation.<symbol>`: v is the size, p the bankruptcy price, S the position's side.

    https://bybit-exchange.github.io/docs/v5/websocket/public/all-liquidation::

        {"topic":"allLiquidation.ROSEUSDT","type":"snapshot","ts":1739502303204,"data":[
         {"T":1739502302929,"s":"ROSEUSDT","S":"Sell","v":"20000","p":"0.04499"}]}
    """

    data: list[_Liquidation]


# --- decoding -------------------------------------------------------------------------------------

_TYPES: dict[str, type] = {
    "quote": QuoteMessage, "book": DepthMessage, "trade": TradesMessage, "ticker": TickerMessage,
    "candle": CandlesMessage, "liquidation": LiquidationsMessage,
}  # fmt: skip
_READERS: dict[str, Callable[[bytes], Any]] = {
    channel: msgspec.json.Decoder(of, strict=False).decode for channel, of in _TYPES.items()
}
_read_quote = _READERS["quote"]
_PREFIXES = {
    b"orderb": _READERS["book"], b"public": _READERS["trade"], b"ticker": _READERS["ticker"],
    b"kline.": _READERS["candle"], b"allLiq": _READERS["liquidation"],
}  # fmt: skip
_START = len(b'{"topic":"')


class _Kind(Struct):
    topic: str | None = None


_read_kind = msgspec.json.Decoder(_Kind).decode


def read(payload: bytes) -> Any:
    """Return the message of a topic; raise ValueError for anything else.

    Bybit begins most messages with their topic.
    """
    start = payload[_START : _START + 12]
    if start == b"orderbook.1.":
        return _read_quote(payload)
    reader = _PREFIXES.get(start[:6])
    return (reader or _reader_of(payload))(payload)


def _reader_of(payload: bytes) -> Callable[[bytes], Any]:
    """Return the decoder of a message that does not begin with its topic."""
    reader = _READERS.get(channel_in(payload) or "")
    if reader is None:
        raise ValueError("it is of no topic")
    return reader


def channel_in(payload: bytes) -> str | None:
    """Return the channel of a message's topic; None where it has none, or one that is not known."""
    topic = _read_kind(payload).topic
    return None if topic is None else control.channel_of({"topic": topic})


def reread(payload: bytes) -> Any:
    """Return a message that `read` can't read because of the form of its numbers."""
    keys = read_anything(payload)
    return read_keys(keys, control.channel_of(keys) or "")


def read_keys(keys: Any, channel: str) -> Any:
    """Return the message of an object that was read from JSON; raise ValueError or TypeError."""
    of = _TYPES.get(channel)
    if of is None:
        raise ValueError("it is of no topic")
    return typed(keys, of)


_NO_LEVEL = (None, None)

# --- events ---------------------------------------------------------------------------------------


def quote_maker(exchange: str, symbol: str) -> Callable[[QuoteMessage, bytes, int], Quote]:
    """Return the converter of one connection's quotes: a delta changes the level before it.

    It raises NoSnapshotError for a delta without a level before it.
    """
    last: _Best | None = None

    def convert(message: QuoteMessage, _payload: bytes, received_ns: int) -> Quote:
        nonlocal last
        data = message.data
        if message.type != "snapshot":
            if message.type != "delta":
                raise ValueError(f"a quote is {message.type}")
            if last is None:
                raise NoSnapshotError
            data = _Best(data.s, _best(last.b, data.b, max), _best(last.a, data.a, min), data.u)
        last = data
        bid, bid_size = data.b[0] if data.b else _NO_LEVEL
        ask, ask_size = data.a[0] if data.a else _NO_LEVEL
        return Quote(
            symbol, message.ts, bid, bid_size, ask, ask_size, exchange, received_ns, 0, 0, 0,
            data.u,
        )  # fmt: skip

    return convert


def _best(known: Levels, changes: Levels, best: Callable[..., Any]) -> Levels:
    levels = {**dict(known), **dict(changes)}
    rest = [level for level in levels.items() if level[1]]
    return [best(rest)] if rest else []


def to_depth(message: DepthMessage) -> Update | Snapshot:
    """Return the snapshot or the update; see `feedd.venues.bybit.book.to_depth`."""
    data = message.data
    if message.type == "snapshot":
        return Snapshot(data.u, data.b, data.a, message.ts, data.seq)
    return Update(data.u - 1, data.u, message.ts, data.b, data.a, data.seq)


def to_trades(
    message: TradesMessage, exchange: str, symbol: str, received_ns: int
) -> list[Trade]:  # fmt: skip
    """Return the trades; raise ValueError for one without a size, or of another market."""
    trades = []
    market_id = message.data[0].s
    for one in message.data:
        if not one.v or one.s != market_id:
            raise ValueError(f"trade {one.i} of {one.s} has the size {one.v}")
        id_ = one.i
        trades.append(
            Trade(
                symbol, one.T, one.p, one.v, TAKER[one.S], exchange, received_ns, 0, 0, 0,
                exchange_id(id_) if id_.isdecimal() else id_,
            )
        )  # fmt: skip
    return trades


class TickerMaker:
    """Tickers of one connection: a delta has what changed since the last message."""

    def __init__(self, exchange: str, symbol: str) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._whole: dict[str, Any] | None = None
        self._newest_ms = 0

    def ticker(self, message: TickerMessage, received_ns: int) -> Ticker:
        """Return the complete ticker.

        Raises NoSnapshotError for a delta without its snapshot, or overtaken by a newer one.
        """
        data = message.data
        named = {key: getattr(data, key) for key in TICKER_FIELDS}
        changed = {key: value for key, value in named.items() if value is not UNSET}
        if message.type == "snapshot":
            whole = changed
        elif self._whole is None or message.ts < self._newest_ms:
            self._whole = None  # of changes in a wrong order the last one is not known
            raise NoSnapshotError
        else:
            whole = {**self._whole, **changed}
        made = ticks.ticker(
            self._exchange, self._symbol, received_ns, timestamp=message.ts,
            last=whole.get("last"), volume=whole.get("volume"),
            high=whole.get("high"), low=whole.get("low"),
            change_percent=_percent(whole.get("change")),
            bid=whole.get("bid"), ask=whole.get("ask"),
        )  # fmt: skip
        self._whole, self._newest_ms = whole, message.ts
        return made


def _percent(raw: Exact | None) -> float | None:
    """Return a fraction in percent, exact before it becomes a float64."""
    if raw is None or raw == "":
        return None
    percent = float(Decimal(plain_text(str(raw))) * 100)
    check_numbers(percent)
    return percent


def to_liquidations(
    message: LiquidationsMessage, exchange: str, symbol: str, received_ns: int
) -> list[Liquidation]:
    """Return liquidations; raise ValueError for one without price or size, or of another market."""
    found = []
    for one in message.data:
        if not one.p or not one.v or one.s != message.market_id:
            raise ValueError(f"a liquidation of {one.s} has price {one.p} and size {one.v}")
        found.append(
            Liquidation(
                symbol=symbol,
                timestamp=one.T,
                side=ORDER[one.S],
                price=one.p,
                size=one.v,
                exchange=exchange,
                received_ns=received_ns,
            )
        )
    return found

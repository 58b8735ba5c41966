"""Binance's raw messages, read by msgspec: what is frequent straight into typed fields."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal, localcontext
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct, field

from feedd.books.depth import Update
from feedd.clock import iso8601
from feedd.model import Liquidation, Quote, Ticker, Trade
from feedd.numbers import check_numbers, plain_text
from feedd.venues.binance.control import CHANNEL_OF
from feedd.venues.typed import Exact, Levels, Number, Signed, read_anything, typed

if TYPE_CHECKING:
    from collections.abc import Callable


class SpotBookTicker(Struct, gc=False):
    """`<symbol>@bookTicker` of spot: `{"u":400900217,"s":"BNBUSDT","b":"25.35","B":"31.21",…}`."""

    id: int = field(name="u")
    market_id: str = field(name="s")
    bid: Number = field(name="b")
    bid_size: Number = field(name="B")
    ask: Number = field(name="a")
    ask_size: Number = field(name="A")
    timestamp: int | None = field(name="E", default=None)


class BookTicker(SpotBookTicker, tag_field="e", tag="bookTicker", gc=False):
    """The same of USD-M, with its type and its time; the id is u.

    ::

        {"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507",
         "a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313}
    """


class TradeMessage(Struct, tag_field="e", tag="trade", gc=False):
    """`<symbol>@trade`; the id is t, and m (the buyer was the maker) means that the taker sold.

    Fills of the insurance fund have ids too, at price 0::

        {"e":"trade","E":1723161256322,"T":1723161256322,"s":"BTCUSDT","t":5266583935,
         "p":"61800.30","q":"0.006","X":"MARKET","m":false}
    """

    market_id: str = field(name="s")
    t: int
    p: Number
    q: Number
    T: int
    m: bool


class DepthUpdate(Struct, tag_field="e", tag="depthUpdate", gc=False):
    """`<symbol>@depth`; see `feedd.venues.binance.book.to_update` for what the ids mean."""

    E: int
    market_id: str = field(name="s")
    U: int
    u: int
    b: Levels
    a: Levels
    pu: int | None = None


class TickerMessage(Struct, tag_field="e", tag="24hrTicker"):
    """`<symbol>@ticker`; C is the time of the last trade. Spot's has a bid and an ask, b and a.

    ::

        {"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","p":"-131.40","P":"-0.786",
         "w":"16628.97","c":"16584.60","Q":"0.002","o":"16716.00","h":"16764.89","l":"16456.51",
         "v":"122474.816","q":"2036102085.69","O":1672429382136,"C":1672515782136,"F":2289691,
         "L":2432543,"n":142853}

    COIN-M counts v in contracts, and q in the base currency
    (https://developers.binance.com/docs/derivatives/coin-margined-futures/websocket-market-streams/Individual-Symbol-Ticker-Streams).
    """

    E: int
    market_id: str = field(name="s")
    c: Number
    v: Number
    h: Number
    l: Number  # noqa: E741  Binance's name
    o: Exact
    p: Exact
    P: Signed
    C: int | None = None
    b: Number | None = None
    a: Number | None = None
    q: Number | None = None


class _Candle(Struct):
    t: int


class Kline(Struct, tag_field="e", tag="kline"):
    """`<symbol>@kline_<interval>`; seldom enough for `parsers.candles`."""

    E: int
    market_id: str = field(name="s")
    k: _Candle


class MarkPrice(Struct, tag_field="e", tag="markPriceUpdate"):
    """`<symbol>@markPrice@1s`; seldom enough for `parsers.mark`."""

    E: int
    market_id: str = field(name="s")


class _Order(Struct):
    s: str
    S: Literal["BUY", "SELL"]
    ap: Number
    l: Number  # noqa: E741  Binance's name
    T: int


class ForceOrder(Struct, tag_field="e", tag="forceOrder"):
    """`<symbol>@forceOrder`: S is the order's side, ap the price and l the size of its last fill.

    ::

        {"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC",
         "q":"0.014","p":"9910","ap":"9910","X":"FILLED","l":"0.014","z":"0.014",
         "T":1568014460893}}
    """

    E: int
    o: _Order

    @property
    def market_id(self) -> str:
        """The venue's id of the symbol, as in the other messages."""
        return self.o.s


Message = BookTicker | TradeMessage | DepthUpdate | TickerMessage | Kline | MarkPrice | ForceOrder

_BY_KIND: dict[str, Any] = {
    of.__struct_config__.tag: of  # type: ignore[misc]  # all of them have a text
    for of in (
        BookTicker, TradeMessage, DepthUpdate, TickerMessage, Kline, MarkPrice, ForceOrder,
    )
}  # fmt: skip

read = msgspec.json.Decoder(Message, strict=False).decode
_read_spot_quote = msgspec.json.Decoder(SpotBookTicker, strict=False).decode


def read_keys(keys: Any) -> Any:
    """Return the message of an object that was read from JSON; raise ValueError or TypeError.

    Unlike `read`, it accepts numbers such as `+1.5` and `.5`. msgspec prepares a conversion to
    several types at each call, which takes 10 us; one to a single type takes 2 us.
    """
    if not isinstance(keys, dict) or "e" not in keys:
        return typed(keys, SpotBookTicker)
    kind = keys["e"]
    return typed(keys, _BY_KIND.get(kind, Message) if isinstance(kind, str) else Message)


def reread(payload: bytes) -> Any:
    """Return a message that `read` can't read because of the form of its numbers."""
    return read_keys(read_anything(payload))


def read_spot(payload: bytes) -> Any:
    """Return a message of spot, whose quotes don't say what they are."""
    if payload[2:5] == b'u":' or (b'"e":' not in payload and b'"u":' in payload):
        return _read_spot_quote(payload)
    return read(payload)


class _Error(Struct):
    code: int
    msg: str


class Answer(Struct):
    """What a control message is answered with; errors come nested, and by the docs flat."""

    id: int | None = None
    error: _Error | None = None
    code: int | None = None
    msg: str | None = None

    @property
    def refusal(self) -> str | None:
        """Why it was refused, or None."""
        if self.error is not None:
            return f"code {self.error.code}: {self.error.msg}"
        return None if self.code is None else f"code {self.code}: {self.msg}"


class _Kind(Struct):
    e: str | None = None
    u: Any = None

    @property
    def channel(self) -> str | None:
        """The channel of an event; spot's quotes have no type."""
        if self.e is None:
            return None if self.u is None else "quote"
        return CHANNEL_OF.get(self.e)


read_answer = msgspec.json.Decoder(Answer, strict=False).decode
read_kind = msgspec.json.Decoder(_Kind).decode


def to_update(message: DepthUpdate) -> Update:
    """Return the update in a depthUpdate; raise ValueError where its ids can't be."""
    before = message.U - 1 if message.pu is None else message.pu
    if before > message.u:
        raise ValueError(f"depthUpdate with u {message.u} and {before} before it")
    return Update(before, message.u, message.E, message.b, message.a)


def to_quote(
    message: SpotBookTicker, exchange: str, symbol: str, received_ns: int
) -> Quote:  # fmt: skip
    """Return a quote; a price of 0 is an empty side."""
    return Quote(
        symbol, message.timestamp, message.bid or None, message.bid_size, message.ask or None,
        message.ask_size, exchange, received_ns, 0, 0, 0, message.id,
    )  # fmt: skip


def trade_converter(
    exchange: str, symbol: str
) -> Callable[[TradeMessage, bytes, int], tuple[int, Trade | None]]:
    """Return the converter of a message to its id and its trade."""

    def convert(
        message: TradeMessage, _payload: bytes, received_ns: int
    ) -> tuple[int, Trade | None]:  # fmt: skip
        """Return a trade; a fill at price 0 (the insurance fund's) is none, and no gap."""
        trade_id = message.t
        if not message.p:
            return trade_id, None
        if not message.q:
            raise ValueError(f"trade {trade_id} has price {message.p} and size 0")
        return trade_id, Trade(
            symbol, message.T, message.p, message.q, "sell" if message.m else "buy",
            exchange, received_ns, 0, 0, 0, trade_id,
        )  # fmt: skip

    return convert


def to_ticker(message: TickerMessage, exchange: str, symbol: str, received_ns: int) -> Ticker:
    """Return a ticker; a price of 0 means that there was none."""
    timestamp = message.E if message.C is None else message.C
    return Ticker(
        symbol=symbol,
        timestamp=timestamp,
        datetime=iso8601(timestamp),
        bid=message.b or None,
        ask=message.a or None,
        last=message.c or None,
        volume=message.v,
        high=message.h or None,
        low=message.l or None,
        change_percent=_percent(message),
        spread=None,
        bid_ask="none",
        exchange=exchange,
        received_ns=received_ns,
    )


def to_coinm_ticker(
    message: TickerMessage, exchange: str, symbol: str, received_ns: int
) -> Ticker:  # fmt: skip
    """Return a ticker of COIN-M, whose volume in the base currency is q."""
    if message.q is None:
        raise ValueError("a ticker of COIN-M has no q")
    ticker = to_ticker(message, exchange, symbol, received_ns)
    ticker.volume = message.q
    return ticker


def to_liquidation(
    message: ForceOrder, exchange: str, symbol: str, received_ns: int
) -> Liquidation:
    """Return a liquidation; raise ValueError where it has no price or no size."""
    order = message.o
    if not order.ap or not order.l:
        raise ValueError(f"a liquidation has price {order.ap} and size {order.l}")
    return Liquidation(
        symbol=symbol,
        timestamp=order.T,
        side="buy" if order.S == "BUY" else "sell",
        price=order.ap,
        size=order.l,
        exchange=exchange,
        received_ns=received_ns,
    )


def _percent(message: TickerMessage) -> float | None:
    """Return P; where that is rounded to 0, what ccxt makes of p and o, to 18 decimals.

    Raises ValueError or ArithmeticError where p or o is not a number.
    """
    if message.P:
        return message.P
    opened = Decimal(plain_text(str(message.o)))
    if not opened:
        return None
    with localcontext() as context:
        context.prec = 60
        ratio = (Decimal(plain_text(str(message.p))) / opened).quantize(
            Decimal("1e-18"), ROUND_DOWN
        )
    percent = float(ratio * 100)
    check_numbers(percent)  # Decimal takes NaN
    return percent

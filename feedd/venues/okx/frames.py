"""OKX's raw messages, read by msgspec: what is frequent straight into typed fields.

msgspec reads a number out of a JSON string (`strict=False`) as exactly as `float` does, in a tenth
of the time. The other messages, and those that only a slower parser can read, are the maps that
`feedd.venues.okx.parsers` takes. The documents of each message are there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from feedd.books.depth import Snapshot, Update
from feedd.model import Quote, Trade
from feedd.venues.every_market import EVERY_MARKET
from feedd.venues.okx import parsers
from feedd.venues.okx.book import IN_SNAPSHOT
from feedd.venues.okx.control import CHANNEL_OF

Size = Annotated[float, Meta(ge=0, lt=1e300)]
Price = Annotated[float, Meta(gt=0, lt=1e300)]


class Level(Struct, array_like=True, gc=False):
    """A level of a book; what follows price and size is skipped."""

    price: Price
    size: Size


class Arg(Struct, rename="camel", gc=False):
    """What a message is of; the markets of a channel of all contracts have no id."""

    channel: str
    inst_id: str = ""


class QuoteRow(Struct, rename="camel", gc=False):
    """The data of `bbo-tbt`."""

    asks: list[Level]
    bids: list[Level]
    ts: int
    seq_id: int


class TradeRow(Struct, rename="camel", gc=False):
    """The data of `trades`."""

    trade_id: int
    px: Price
    sz: Price
    side: Literal["buy", "sell"]
    ts: int
    count: Annotated[int, Meta(gt=0, le=parsers.AGGREGATED_AT_MOST)] = 1


class BookRow(Struct, rename="camel", gc=False):
    """The data of `books`."""

    asks: list[Level]
    bids: list[Level]
    ts: int
    seq_id: int
    prev_seq_id: int


class _Typed(Struct, gc=False):
    arg: Arg

    @property
    def market_id(self) -> str:
        """The venue's id of the market."""
        return self.arg.inst_id


class QuoteMessage(_Typed, gc=False):
    """A message of `bbo-tbt`."""

    data: tuple[QuoteRow]


class TradeMessage(_Typed, gc=False):
    """A message of `trades`."""

    data: list[TradeRow]


class BookMessage(_Typed, gc=False):
    """A message of `books`."""

    action: Literal["snapshot", "update"]
    data: tuple[BookRow]


class Plain(Struct):
    """A message of one market, as the parsers take it; each channel has a subclass."""

    market_id: str
    raw: dict[str, Any]


class PlainQuote(Plain):
    """A message of `bbo-tbt` that is not read into typed fields."""


class PlainTrade(Plain):
    """The same of `trades`."""


class PlainBook(Plain):
    """The same of `books`."""


class PlainTicker(Plain):
    """A message of `tickers`."""


class PlainCandle(Plain):
    """A message of `candle<interval>`."""


class PlainMark(Plain):
    """A message of `mark-price`."""


class PlainLiquidation(Plain):
    """A message of `liquidation-orders`, which is of all contracts of a type."""


PLAIN: dict[str, type[Plain]] = {
    "ticker": PlainTicker, "quote": PlainQuote, "trade": PlainTrade, "book": PlainBook,
    "candle": PlainCandle, "mark": PlainMark,
    "liquidation": PlainLiquidation,
}  # fmt: skip


class _Head(Struct):
    """The part of a message that every kind has; an answer has `event`, and no data."""

    arg: Arg | None = None
    data: Raw | UnsetType = UNSET
    event: str | None = None
    id: Any = None
    code: Any = None
    msg: Any = None


_DECODERS = {
    "bbo-tbt": msgspec.json.Decoder(QuoteMessage, strict=False).decode,
    "trades": msgspec.json.Decoder(TradeMessage, strict=False).decode,
    "books": msgspec.json.Decoder(BookMessage, strict=False).decode,
}
# Almost every message begins so, with the name of its channel; no other channel that is subscribed
# to begins with the same five letters.
_BEGIN = b'{"arg":{"channel":"'
_LENGTH = len(_BEGIN) + 5
_BY_BEGIN = {(_BEGIN + name.encode())[:_LENGTH]: its for name, its in _DECODERS.items()}
_anything = msgspec.json.Decoder().decode
read_head = msgspec.json.Decoder(_Head, strict=False).decode


def read(payload: bytes) -> Any:
    """Return a message with data; raise ValueError for another."""
    typed = _BY_BEGIN.get(payload[:_LENGTH])
    if typed is not None:
        return typed(payload)
    head = read_head(payload)
    arg = head.arg
    if arg is None or head.data is UNSET:
        raise ValueError("it has no data")
    typed = _DECODERS.get(arg.channel)
    return reread(payload) if typed is None else typed(payload)


def reread(payload: bytes) -> Plain:
    """Return any message with data as the parsers take it."""
    raw = _anything(payload)
    channel = channel_named(raw["arg"]["channel"])
    market_id = EVERY_MARKET if channel == "liquidation" else raw["arg"]["instId"]
    return PLAIN[channel](market_id, raw)


def channel_named(name: str) -> str:
    """Return the channel of one of the venue's; raise LookupError for another."""
    return "candle" if name.startswith("candle") else CHANNEL_OF[name]


def to_quote(message: QuoteMessage, exchange: str, symbol: str, received_ns: int) -> Quote:
    """Return the quote of a message; a side without orders is empty."""
    (row,) = message.data
    bids, asks = row.bids, row.asks
    bid, ask = bids[0] if bids else None, asks[0] if asks else None
    return Quote(
        symbol, row.ts,
        None if bid is None else bid.price, None if bid is None else bid.size,
        None if ask is None else ask.price, None if ask is None else ask.size,
        exchange, received_ns, 0, 0, 0, row.seq_id,
    )  # fmt: skip


def to_trades(
    message: TradeMessage, exchange: str, symbol: str, received_ns: int
) -> list[tuple[int, Trade | None]]:
    """Return the trades of a message, each behind the ids of those that it aggregates."""
    found: list[tuple[int, Trade | None]] = []
    for row in message.data:
        last = row.trade_id
        if row.count != 1:
            found += [(earlier, None) for earlier in range(last - row.count + 1, last)]
        trade = Trade(
            symbol, row.ts, row.px, row.sz, row.side, exchange, received_ns, 0, 0, 0, last
        )
        found.append((last, trade))
    return found


def to_depth(message: BookMessage) -> Update | Snapshot:
    """Return the snapshot or update of a message; raise ValueError if it is neither."""
    (row,) = message.data
    bids = [(level.price, level.size) for level in row.bids]
    asks = [(level.price, level.size) for level in row.asks]
    if (message.action == "snapshot") != (row.prev_seq_id == IN_SNAPSHOT):
        raise ValueError(f"the book's {message.action} has the prevSeqId {row.prev_seq_id}")
    if message.action == "snapshot":
        return Snapshot(row.seq_id, bids, asks, row.ts)
    return Update(row.prev_seq_id, row.seq_id, row.ts, bids, asks)

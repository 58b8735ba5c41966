"""Hyperliquid's raw messages, read by msgspec: what is frequent straight into typed fields.

The other messages, and those that only a slower parser can read, are the maps that
`feedd.venues.hyperliquid.parsers` takes. The documents of each message are there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from feedd.books.depth import Snapshot
from feedd.model import Quote, Trade
from feedd.venues.every_market import EVERY_MARKET
from feedd.venues.hyperliquid.book import LEVELS
from feedd.venues.hyperliquid.control import CHANNEL_OF, coin_of
from feedd.venues.hyperliquid.parsers import TAKERS

Size = Annotated[float, Meta(ge=0, lt=1e300)]
Price = Annotated[float, Meta(gt=0, lt=1e300)]


class Level(Struct, gc=False):
    """A level of a book."""

    px: Price
    sz: Size


class QuoteData(Struct, gc=False):
    """The data of `bbo`."""

    coin: str
    time: int
    bbo: tuple[Level | None, Level | None]


class BookData(Struct, gc=False):
    """The data of `l2Book`."""

    coin: str
    time: int
    levels: tuple[list[Level], list[Level]]


class TradeRow(Struct, gc=False):
    """One trade of `trades`."""

    coin: str
    side: Literal["A", "B"]
    px: Price
    sz: Price
    time: int
    tid: int


class QuoteMessage(Struct, tag_field="channel", tag="bbo", gc=False):
    """A message of `bbo`."""

    data: QuoteData

    @property
    def market_id(self) -> str:
        """The venue's name of the market."""
        return self.data.coin


class BookMessage(Struct, tag_field="channel", tag="l2Book", gc=False):
    """A message of `l2Book`."""

    data: BookData

    @property
    def market_id(self) -> str:
        """The venue's name of the market."""
        return self.data.coin


class TradeMessage(Struct, tag_field="channel", tag="trades", gc=False):
    """A message of `trades`."""

    data: list[TradeRow]

    @property
    def market_id(self) -> str:
        """The venue's name of the market."""
        return self.data[0].coin if self.data else EVERY_MARKET


class _Coin(Struct):
    coin: str


class TickerMessage(Struct, tag_field="channel", tag="activeAssetCtx"):
    """A message of a perpetual's ticker; seldom enough for `parsers.tickers`."""

    data: _Coin

    @property
    def market_id(self) -> str:
        """The venue's name of the market."""
        return self.data.coin


class SpotTickerMessage(TickerMessage, tag="activeSpotAssetCtx"):
    """The same of a spot market."""


class Plain(Struct):
    """A message of one market, as the parsers take it; each channel has a subclass."""

    market_id: str
    raw: dict[str, Any]


class PlainQuote(Plain):
    """A message of `bbo` that is not read into typed fields."""


class PlainTrade(Plain):
    """The same of `trades`."""


class PlainBook(Plain):
    """The same of `l2Book`."""


class PlainTicker(Plain):
    """The same of a ticker."""


class PlainCandle(Plain):
    """A message of `candle`."""


PLAIN: dict[str, type[Plain]] = {
    "ticker": PlainTicker, "quote": PlainQuote, "trade": PlainTrade, "book": PlainBook,
    "candle": PlainCandle,
}  # fmt: skip
_MESSAGES = QuoteMessage | BookMessage | TradeMessage | TickerMessage | SpotTickerMessage
read = msgspec.json.Decoder(_MESSAGES, strict=False).decode
read_anything = msgspec.json.Decoder().decode


def reread(payload: bytes) -> Plain:
    """Return any message with data as the parsers take it."""
    raw = read_anything(payload)
    return PLAIN[CHANNEL_OF[raw["channel"]]](coin_of(raw), raw)


def to_quote(message: QuoteMessage, exchange: str, symbol: str, received_ns: int) -> Quote:
    """Return the quote of a message; a side without orders is empty."""
    data = message.data
    bid, ask = data.bbo
    return Quote(
        symbol, data.time,
        None if bid is None else bid.px, None if bid is None else bid.sz,
        None if ask is None else ask.px, None if ask is None else ask.sz,
        exchange, received_ns, 0, 0, 0, data.time,
    )  # fmt: skip


def to_trades(message: TradeMessage, exchange: str, symbol: str, received_ns: int) -> list[Trade]:
    """Return the trades of a message, oldest first."""
    found = [
        Trade(
            symbol, row.time, row.px, row.sz, TAKERS[row.side], exchange, received_ns, 0, 0, 0,
            row.tid,
        )
        for row in message.data
    ]  # fmt: skip
    if len(found) > 1:
        found.sort(key=lambda trade: trade.timestamp or 0)
    return found


def to_depth(message: BookMessage) -> Snapshot:
    """Return the book of a message."""
    data = message.data
    bids, asks = ([(level.px, level.sz) for level in side] for side in data.levels)
    return Snapshot(data.time, bids, asks, data.time, limit=LEVELS)

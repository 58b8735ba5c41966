"""A row of a table as an event of its channel, with every value checked.

A converter is made for the columns of one table. It takes the fields of a row and returns the
event, whose `published_ns` is set. It raises `RowError` with the role at fault.

Roles, besides `exchange` and `symbol` of the row: `time` (the exchange's), `received`, `published`,
`id`; of a trade `price`, `size`, `side` or `maker` (the buyer was the maker); of a quote `bid`,
`bid_size`, `ask`, `ask_size`; of a candle `open_time`, `close_time`, `open` to `volume`,
`timeframe`, `closed`, `count` (of trades); of a book `bids` and `asks` (JSON); of `mark` and
`liquidation` the wire's keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from feedd.clock import NS_PER_MS
from feedd.model import Book, Candle, Liquidation, Mark, Quote, Trade
from feedd.numbers import number
from feedd.recordings.importing.timeframes import Timeframe  # noqa: TC001
from feedd.recordings.importing.times import Times

if TYPE_CHECKING:
    from feedd.model import EventId, Tick

Side = Literal["buy", "sell"]
ID_BELOW = 2**63  # of an id that is published as a number
_SIDES: dict[str, Side | None] = {
    "buy": "buy", "b": "buy", "bid": "buy", "sell": "sell", "s": "sell", "a": "sell",
    "ask": "sell", "": None, "unknown": None,
}  # fmt: skip
_OPPOSITE: dict[Side | None, Side | None] = {"buy": "sell", "sell": "buy", None: None}
_MAKERS: dict[str, Side] = {"True": "sell", "true": "sell", "False": "buy", "false": "buy"}
_TRUTHS = {"true": True, "false": False, "1": True, "0": False, "t": True, "f": False}
_levels = msgspec.json.Decoder(list[tuple[float, float]]).decode


class RowError(ValueError):
    """A value that can't be, with the role of its column."""

    def __init__(self, role: str, why: str) -> None:
        super().__init__(why)
        self.role = role


# (fields, exchange, symbol) -> event; None for a row that is no event
Convert = Callable[[list[str], str, str], "Tick | None"]


class Cells:
    """The values of a row's columns, by role.

    `published`: the rows were published once; a price may then be missing, as in any event.
    """

    def __init__(self, columns: dict[str, int]) -> None:
        self._columns = columns
        self.published = "published" in columns
        self.times = {role: Times() for role in columns if role in _TIME_ROLES}

    def column(self, role: str) -> int:
        """Return the index of a role's column; raise KeyError without one."""
        return self._columns[role]

    def has(self, role: str) -> bool:
        """Whether the table has a column of this role."""
        return role in self._columns

    def text(self, fields: list[str], role: str) -> str:
        """Return a value without spaces around it; empty without a column."""
        index = self._columns.get(role)
        return "" if index is None else fields[index].strip()

    def time_ns(self, fields: list[str], role: str) -> int | None:
        """Return a time in ns, or None where it is missing."""
        index = self._columns.get(role)
        if index is None or not fields[index]:
            return None
        try:
            return self.times[role].of_text(fields[index])
        except ValueError as error:
            raise RowError(role, str(error)) from None

    def positive(self, fields: list[str], role: str) -> float:
        """Return a number above 0."""
        value = self.number(fields, role)
        if value is None or value <= 0:
            raise RowError(role, "it is missing" if value is None else f"{value} is not above 0")
        return value

    def number(self, fields: list[str], role: str) -> float | None:
        """Return a number of at least 0, or None where it is missing."""
        value = self.signed(fields, role)
        if value is not None and value < 0:
            raise RowError(role, f"{value} is below 0")
        return value

    def signed(self, fields: list[str], role: str) -> float | None:
        """Return a number, or None where it is missing."""
        index = self._columns.get(role)
        if index is None or not fields[index]:
            return None
        try:
            return number(fields[index])
        except (ValueError, OverflowError):
            raise RowError(
                role, f"{fields[index]!r} is not a number; leave an unknown value empty"
            ) from None

    def id(self, fields: list[str]) -> EventId:
        """Return the exchange's id: a number where it is written as one."""
        text = self.text(fields, "id")
        if not text:
            return None
        if len(text) > 19 or not (text.isascii() and text.isdecimal()) or text[0] == "0" != text:
            return text
        value = int(text)
        return value if value < ID_BELOW else text

    def side(self, fields: list[str]) -> Side | None:
        """Return the taker's side, of a side or of the maker's."""
        if self.has("maker"):
            text = self.text(fields, "maker").lower()
            buyer_is_maker = _TRUTHS.get(text)
            if buyer_is_maker is not None:
                return "sell" if buyer_is_maker else "buy"
            if text in _SIDES:
                return _OPPOSITE[_SIDES[text]]
            raise RowError("maker", f"{text!r} is neither true nor false, buy nor sell")
        text = self.text(fields, "side").lower()
        if text not in _SIDES:
            raise RowError("side", f"{text!r} is neither buy nor sell; leave an unknown one empty")
        return _SIDES[text]

    def truth(self, fields: list[str], role: str) -> bool | None:
        """Return true or false, or None where it is missing."""
        text = self.text(fields, role).lower()
        if not text:
            return None
        if text not in _TRUTHS:
            raise RowError(role, f"{text!r} is neither true nor false")
        return _TRUTHS[text]

    def moments(self, fields: list[str]) -> tuple[int | None, int, int]:
        """Return the exchange's time in ms, the time of receipt, and of publication, in ns.

        Without a time of receipt, it is the exchange's.
        """
        time_ns = self.time_ns(fields, "time")
        received_ns = self.time_ns(fields, "received") or time_ns
        if received_ns is None:
            raise RowError("time", "the row has no time")
        published_ns = self.time_ns(fields, "published") or received_ns
        return None if time_ns is None else time_ns // NS_PER_MS, received_ns, published_ns


_TIME_ROLES = frozenset({
    "time", "received", "published", "open_time", "close_time", "next_funding",
})  # fmt: skip


def trades(cells: Cells) -> Convert:
    """Return the converter of trades; a fill at price 0 is none."""
    moments, positive, side, id_ = cells.moments, cells.positive, cells.side, cells.id

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick | None:
        ms, received_ns, published_ns = moments(fields)
        price = cells.number(fields, "price")
        if price is None:
            raise RowError("price", "it is missing")
        if not price:
            return None
        return Trade(
            symbol, ms, price, positive(fields, "size"), side(fields), exchange, received_ns,
            published_ns, 0, 0, id_(fields),
        )  # fmt: skip

    return convert


def archived_trades(cells: Cells) -> Convert:
    """Return the converter of trades with `time`, `maker` and `id`: the same in half the time.

    A row that is not written in the usual way is converted by `trades`.
    """
    usual = trades(cells)
    time_at, price_at, size_at, maker_at, id_at = (
        cells.column(role) for role in ("time", "price", "size", "maker", "id")
    )
    of_text = cells.times["time"].of_text
    plain = re.compile(r"\d+\.?\d*", re.ASCII).fullmatch

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick | None:
        price_text, size_text, id_text = fields[price_at], fields[size_at], fields[id_at]
        side = _MAKERS.get(fields[maker_at])
        if (
            side is None
            or not (plain(price_text) and plain(size_text))
            or not (id_text.isascii() and id_text.isdecimal() and 0 < len(id_text) < 19)
        ):
            return usual(fields, exchange, symbol)
        price, size = float(price_text), float(size_text)
        if not (0.0 < price < inf and 0.0 < size < inf):
            return usual(fields, exchange, symbol)
        try:
            ns = of_text(fields[time_at])
        except ValueError as error:
            raise RowError("time", str(error)) from None
        return Trade(
            symbol, ns // NS_PER_MS, price, size, side, exchange, ns, ns, 0, 0, int(id_text)
        )

    return convert


def quotes(cells: Cells) -> Convert:
    """Return the converter of quotes; a price of 0 is an empty side."""
    value = cells.number

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick:
        ms, received_ns, published_ns = cells.moments(fields)
        bid, ask = value(fields, "bid"), value(fields, "ask")
        if bid is None and ask is None and not cells.published:
            raise RowError("bid", "the row has neither bid nor ask")
        return Quote(
            symbol, ms, bid or None, value(fields, "bid_size"), ask or None,
            value(fields, "ask_size"),
            exchange, received_ns, published_ns, 0, 0, cells.id(fields),
        )  # fmt: skip

    return convert


def candles(cells: Cells, timeframe: Timeframe, *, closed: bool | None) -> Convert:
    """Return the converter of candles of a timeframe, each published when it closes."""
    price = cells.number if cells.published else cells.positive
    name, length_ns = timeframe

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick:
        open_ns = cells.time_ns(fields, "open_time")
        if open_ns is None:
            raise RowError("open_time", "the row has no time")
        close_ns = cells.time_ns(fields, "close_time")
        time_ns = cells.time_ns(fields, "time") or close_ns
        own = cells.text(fields, "timeframe")
        if own and own != name:
            raise RowError(
                "timeframe", f"{own} in a table of {name} candles; choose one with --timeframe"
            )
        if close_ns is not None and not 0 < close_ns - open_ns <= length_ns:
            raise RowError("close_time", f"it is not within {name} of the opening")
        opened, high = price(fields, "open"), price(fields, "high")
        low, close = price(fields, "low"), price(fields, "close")
        if not _can_be(opened, high, low, close):
            raise RowError("high", f"open {opened}, high {high}, low {low}, close {close} can't be")
        volume = cells.number(fields, "volume")
        if volume == 0 and cells.number(fields, "count"):
            raise RowError(
                "volume", "trades without a volume: these are klines of mark, index or premium "
                "index prices, no candles of trades",
            )  # fmt: skip
        ended_ns = time_ns if time_ns is not None else open_ns + length_ns
        received_ns = cells.time_ns(fields, "received") or ended_ns
        published_ns = cells.time_ns(fields, "published") or received_ns
        final = cells.truth(fields, "closed") if cells.has("closed") else closed
        return Candle(
            symbol, None if time_ns is None else time_ns // NS_PER_MS, name,
            open_ns // NS_PER_MS, opened, high, low, close, volume, final, exchange,
            received_ns, published_ns, 0, 0, cells.id(fields),
        )  # fmt: skip

    return convert


def _can_be(*prices: float | None) -> bool:
    """Whether open, high, low and close are in order, as far as they are known."""
    opened, high, low, close = prices
    if opened is None or high is None or low is None or close is None:
        return True
    return low <= min(opened, close) <= max(opened, close) <= high


def marks(cells: Cells) -> Convert:
    """Return the converter of mark prices and funding rates."""

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick | None:
        ms, received_ns, published_ns = cells.moments(fields)
        mark, index = cells.number(fields, "mark_price"), cells.number(fields, "index_price")
        rate = cells.signed(fields, "funding_rate")
        if not mark and not index and rate is None and not cells.published:
            return None
        due = cells.text(fields, "next_funding")
        next_ms = None
        if due and due != "0":
            next_ms = _due_ms(cells.times["time"], due)
        return Mark(
            symbol, ms, mark or None, index or None, rate, next_ms, exchange, received_ns,
            published_ns, 0, 0, cells.id(fields),
        )  # fmt: skip

    return convert


def _due_ms(times: Times, text: str) -> int:
    """Return a time that may lie in the future, in the unit of the row's own time."""
    unit = times.unit
    try:
        if unit is None:
            raise ValueError
        ns = int(text) * unit.ns
        if not unit.at_least * unit.ns <= ns < 2 * unit.below * unit.ns:
            raise ValueError
    except ValueError:
        raise RowError("next_funding", f"{text!r} is not a time in the unit of the row") from None
    return ns // NS_PER_MS


def liquidations(cells: Cells) -> Convert:
    """Return the converter of liquidations."""

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick:
        ms, received_ns, published_ns = cells.moments(fields)
        return Liquidation(
            symbol, ms, cells.side(fields), cells.positive(fields, "price"),
            cells.positive(fields, "size"), exchange, received_ns, published_ns, 0, 0,
            cells.id(fields),
        )  # fmt: skip

    return convert


def books(cells: Cells, depth: int, levels: Callable[[list[str]], Any] | None = None) -> Convert:
    """Return the converter of whole books: `levels` of a row, or JSON in `bids` and `asks`."""

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick:
        ms, received_ns, published_ns = cells.moments(fields)
        bids, asks = (
            (_side(cells, fields, "bids"), _side(cells, fields, "asks"))
            if levels is None
            else levels(fields)
        )
        check_book(bids, asks)
        return Book(
            symbol, ms, bids[:depth], asks[:depth], exchange, received_ns, published_ns, 0, 0,
            cells.id(fields),
        )  # fmt: skip

    return convert


def check_book(bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> None:
    """Raise RowError for levels that are not a book."""
    for role, levels, sign in (("bids", bids, -1), ("asks", asks, 1)):
        if any(price <= 0 or size <= 0 for price, size in levels):
            raise RowError(role, "a level has a price or a size that is not above 0")
        if any(sign * one[0] >= sign * two[0] for one, two in pairwise(levels)):
            raise RowError(role, "the levels are not ordered, best first")
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise RowError("bids", f"the book is crossed: bid {bids[0][0]}, ask {asks[0][0]}")


def _side(cells: Cells, fields: list[str], role: str) -> list[tuple[float, float]]:
    try:
        return _levels(cells.text(fields, role) or "[]")
    except msgspec.DecodeError as error:
        raise RowError(role, f"it is not [[price, size], …]: {error}") from None

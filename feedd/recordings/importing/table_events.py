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
import time
from collections.abc import Callable
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.clock import NS_PER_MS
from feedd.model import Book, Candle, Liquidation, Mark, Quote, Trade
from feedd.recordings.importing.table_cells import Cells, NoEventError, RowError, Side

if TYPE_CHECKING:
    from feedd.model import Tick
    from feedd.recordings.importing.timeframes import Timeframe
    from feedd.recordings.importing.times import Times

_MAKERS: dict[str, Side] = {"True": "sell", "true": "sell", "False": "buy", "false": "buy"}
_levels = msgspec.json.Decoder(list[tuple[float, float]]).decode

# (fields, exchange, symbol) -> event; None for a row without an event
Convert = Callable[[list[str], str, str], "Tick | None"]


def trades(cells: Cells) -> Convert:
    """Return the converter of trades; a fill at price 0 has none."""
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


def sides(cells: Cells) -> Convert:
    """Return the converter of quotes in which both sides may be empty: such a row has no event."""
    usual = quotes(cells)

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick | None:
        if not cells.text(fields, "bid") and not cells.text(fields, "ask"):
            return None
        return usual(fields, exchange, symbol)

    return convert


def candles(
    cells: Cells, timeframe: Timeframe, *, closed: bool | None, only_timeframe: bool = True
) -> Convert:
    """Return the converter of candles of a timeframe, each published when it closes.

    A row of another timeframe is an error if the table has `only_timeframe`; else it is left out.
    """
    latest_ns = time.time_ns()
    price = cells.number if cells.published else cells.positive
    name, length_ns = timeframe

    def convert(fields: list[str], exchange: str, symbol: str) -> Tick:
        open_ns = cells.time_ns(fields, "open_time")
        if open_ns is None:
            raise RowError("open_time", "the row has no time")
        close_ns = cells.time_ns(fields, "close_time")
        time_ns = cells.time_ns(fields, "time") or close_ns
        own = cells.text(fields, "timeframe")
        if own and own != name and not only_timeframe:
            raise NoEventError(f"candle of {own}")
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
                "index prices, not candles of trades",
            )  # fmt: skip
        ended_ns = time_ns if time_ns is not None else open_ns + length_ns
        received_ns = cells.time_ns(fields, "received") or ended_ns
        published_ns = cells.time_ns(fields, "published") or received_ns
        if published_ns > latest_ns:
            raise NoEventError("candle that has not closed yet")
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
        check_book(bids, asks, from_columns=levels is not None)
        return Book(
            symbol, ms, bids[:depth], asks[:depth], exchange, received_ns, published_ns, 0, 0,
            cells.id(fields),
        )  # fmt: skip

    return convert


def check_book(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], *, from_columns: bool
) -> None:
    """Raise RowError for levels that are not a book.

    A vendor's snapshots `from_columns` are crossed now and then: such a row is left out.
    """
    for role, levels, sign in (("bids", bids, -1), ("asks", asks, 1)):
        if any(price <= 0 or size <= 0 for price, size in levels):
            raise RowError(role, "a level has a price or a size that is not above 0")
        if any(sign * one[0] >= sign * two[0] for one, two in pairwise(levels)):
            raise RowError(role, "the levels are not ordered, best first")
    crossed = bool(bids and asks and bids[0][0] >= asks[0][0])
    if crossed and from_columns:
        raise NoEventError("crossed book", gap=True)
    if crossed:
        raise RowError("bids", f"the book is crossed: bid {bids[0][0]}, ask {asks[0][0]}")


def _side(cells: Cells, fields: list[str], role: str) -> list[tuple[float, float]]:
    try:
        return _levels(cells.text(fields, role) or "[]")
    except msgspec.DecodeError as error:
        raise RowError(role, f"it is not [[price, size], …]: {error}") from None

"""The tables of Binance's public archive, https://data.binance.vision.

https://github.com/binance/binance-public-data. A file is `<ID>-<kind or interval>-<date>.csv` in a
zip of the same name, below `spot` or `futures/um` or `futures/cm`. Spot's have no header, and times
in µs from 2025 on; those of futures have a header in newer files.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from feedd.venues.binance.native import INTERVALS
from feedd.venues.market_type import MarketType
from feedd.venues.table_forms import TableForm

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = re.compile(r"([^-_.a-z]{3,}(?:_[A-Z0-9]+)?)-([A-Za-z]+|\d+[smhdwM]o?)(?:[-.].*)?")
_INTERVALS = {("1mo" if one == "1M" else one): one for one in INTERVALS} | {"1M": "1M"}
_SPOT_US_FROM = 10**15  # spot's tables have µs from 2025 on, no other table has
Markets = dict[str, MarketType]
SPOT: Markets = {"binance": "spot"}
USDM: Markets = {"binanceusdm": "linear"}
COINM: Markets = {"binancecoinm": "inverse"}
FUTURES: Markets = {**USDM, **COINM}
_FOLDERS = {("data", "spot"): SPOT, ("futures", "um"): USDM, ("futures", "cm"): COINM}
_SPOTS = {("trades", 7), ("aggTrades", 8)}  # numbers of columns that only spot's tables have
_DERIVED_KLINES = ("markPriceKlines", "indexPriceKlines", "premiumIndexKlines")
_CONTRACT = re.compile(r".+_(?:PERP|\d{6})")


class _Kind(NamedTuple):
    """A kind of table: its columns by the number of fields, and their roles."""

    title: str
    channel: str
    columns: tuple[tuple[str, ...], ...]
    roles: dict[str, str]
    exchanges: Markets = {**SPOT, **FUTURES}  # noqa: RUF012  never written to
    ids: Literal["", "growing", "contiguous"] = ""
    refusal: str = ""
    note: str = ""


_TRADE = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker")
_COIN_TRADE = ("id", "price", "qty", "base_qty", "time", "is_buyer_maker")
_AGGREGATE = (
    "agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time",
    "is_buyer_maker",
)  # fmt: skip
_KLINE = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
_KINDS = {
    "trades": _Kind(
        "trades", "trade", (_TRADE, _COIN_TRADE, (*_TRADE, "is_best_match")),
        {"id": "id", "time": "time", "price": "price", "size": "qty", "maker": "is_buyer_maker"},
        ids="contiguous",
    ),
    "aggTrades": _Kind(
        "aggregate trades", "trade", (_AGGREGATE, (*_AGGREGATE, "is_best_match")),
        {"id": "agg_trade_id", "time": "transact_time", "price": "price", "size": "quantity",
         "maker": "is_buyer_maker"},
        ids="contiguous", note="ids are the aggregates'",
    ),
    "klines": _Kind(
        "klines", "candle", (_KLINE,),
        {"open_time": "open_time", "close_time": "close_time", "open": "open", "high": "high",
         "low": "low", "close": "close", "volume": "volume", "count": "count"},
    ),
    "bookTicker": _Kind(
        "bookTicker", "quote",
        (("update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty",
          "transaction_time", "event_time"),),
        {"id": "update_id", "time": "event_time", "bid": "best_bid_price",
         "bid_size": "best_bid_qty", "ask": "best_ask_price", "ask_size": "best_ask_qty"},
        exchanges=FUTURES, ids="growing",
    ),
    "fundingRate": _Kind(
        "funding rates", "mark", (("calc_time", "funding_interval_hours", "last_funding_rate"),),
        {"time": "calc_time", "funding_rate": "last_funding_rate"},
        exchanges=FUTURES, note="without mark and index price",
    ),
    "liquidationSnapshot": _Kind(
        "liquidations", "liquidation",
        (("time", "side", "order_type", "time_in_force", "original_quantity", "price",
          "average_price", "order_status", "last_fill_quantity", "accumulated_fill_quantity"),),
        {"time": "time", "side": "side", "price": "average_price", "size": "last_fill_quantity"},
        exchanges=FUTURES,
    ),
    "bookDepth": _Kind(
        "bookDepth", "", (("timestamp", "percentage", "depth", "notional"),), {},
        exchanges=FUTURES,
        refusal="it has sums of the sizes within percentages of the price, not price levels; no "
        "channel can hold these, and a book can't be made from them",
    ),
    "metrics": _Kind(
        "metrics", "",
        (("create_time", "symbol", "sum_open_interest", "sum_open_interest_value",
          "count_toptrader_long_short_ratio", "sum_toptrader_long_short_ratio",
          "count_long_short_ratio", "sum_taker_long_short_vol_ratio"),), {},
        exchanges=FUTURES, refusal="no channel can hold open interest and ratios of positions",
    ),
    "BVOLIndex": _Kind(
        "BVOL index", "", (("calc_time", "symbol", "base_asset", "quote_asset", "index_value"),),
        {}, exchanges=FUTURES, refusal="no channel can hold a volatility index",
    ),
    "EOHSummary": _Kind(
        "options' summary", "", (("date", "hour", "symbol", "underlying", "type", "strike"),), {},
        exchanges=FUTURES, refusal="options can't be imported",
    ),
}  # fmt: skip


def recognise(
    parts: Sequence[str], header: Sequence[str] | None, fields: Sequence[str]
) -> TableForm | None:
    """Return the form of a table of the archive; see `feedd.venues.table_forms`."""
    match = _NAME.fullmatch(parts[-1])
    market_id, named = (match[1], match[2]) if match is not None else ("", "")
    kind, columns = _by_header(header) if header is not None else _by_shape(fields, named)
    if kind is None:
        return None
    if (named in _KINDS and named != kind) or (named in _INTERVALS and kind != "klines"):
        raise ValueError(f"the name says {named}, but the columns are those of {kind}")
    found = _KINDS[kind]
    interval = _INTERVALS.get(named, "")
    if market_id and named not in _KINDS and not interval:
        market_id = ""
    derived = next((part for part in parts if part in _DERIVED_KLINES), None)
    refusal = found.refusal
    if derived is not None and kind == "klines":
        refusal = f"{derived} are of computed prices without trades, not candles of trades"
    spot = (kind, len(columns)) in _SPOTS or (kind == "klines" and _in_us(fields))
    exchanges = SPOT if spot else found.exchanges
    exchanges, certain = _market(parts, header, columns, exchanges, market_id)
    return TableForm(
        name=f"{found.title} of Binance's archive",
        channel=found.channel,
        columns=columns,
        roles=found.roles,
        refusal=refusal,
        exchanges=exchanges,
        certain=certain,
        market_id=market_id,
        timeframe=interval,
        complete=kind == "klines",
        ids=found.ids,
        note=found.note,
    )


def _by_header(header: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    names = tuple(header)
    for kind, found in _KINDS.items():
        for columns in found.columns:
            if names[: len(columns)] == columns and len(names) <= len(columns) + 1:
                return kind, names
    return None, ()


def _by_shape(fields: Sequence[str], named: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the kind of a table without a header, by its first row."""
    flags = [field.strip().lower() in {"true", "false"} for field in fields]
    count, bools = len(fields), sum(flags)
    if count == 12 and not bools:
        return "klines", _KLINE
    if count == 8 and bools == 2:
        return "aggTrades", (*_AGGREGATE, "is_best_match")
    if count == 7 and bools == 2:
        return "trades", (*_TRADE, "is_best_match")
    if count == 7 and bools == 1 and flags[-1]:
        return "aggTrades", _AGGREGATE
    if count == 7 and not bools:
        return "bookTicker", _KINDS["bookTicker"].columns[0]
    if count == 6 and bools == 1 and flags[-1]:
        return "trades", _TRADE
    if named in _KINDS and count == len(_KINDS[named].columns[0]):
        return named, _KINDS[named].columns[0]
    return None, ()


def _market(
    parts: Sequence[str], header: Sequence[str] | None, columns: tuple[str, ...],
    exchanges: Markets, market_id: str,
) -> tuple[Markets, bool]:  # fmt: skip
    """Return the exchanges that a table can be of, and whether the table is of no other."""
    for pair in pairwise(parts[:-1]):
        if pair in _FOLDERS:
            return _FOLDERS[pair], True
    if re.search(r"USD_(PERP|\d{6})$", market_id):
        return COINM, True
    if _CONTRACT.fullmatch(market_id):
        return USDM, True
    if "base_qty" in columns:
        return COINM, False
    if exchanges == SPOT:
        return SPOT, False
    if header is not None or columns in (_TRADE, _AGGREGATE) or "binance" not in exchanges:
        return (USDM if market_id else FUTURES), False  # ids of COIN-M have a suffix
    return ({**SPOT, **USDM} if market_id else exchanges), False


def _in_us(fields: Sequence[str]) -> bool:
    return fields[0].isdigit() and int(fields[0]) >= _SPOT_US_FROM

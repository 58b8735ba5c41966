"""Tables of any origin, recognised by the names of their columns. Pure.

Names are compared in lower case, with `openTime` as `open_time`. Where several columns could have
a role and none is preferred, the table is ambiguous.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.recordings.importing.table_kinds import plain, table_kind
from feedd.recordings.importing.tardis_forms import holds_liquidations
from feedd.venues.table_forms import TableForm

if TYPE_CHECKING:
    from collections.abc import Sequence

# Names of each role: the first that a table has is used. A pandas index has no name.
_TIME = (
    "event_time", "exchange_timestamp", "exch_timestamp", "timestamp", "ts", "time", "trade_time",
    "transact_time", "transaction_time", "timestamp_ms", "timestamp_us", "timestamp_ns",
    "origin_time", "created_time", "created_at", "datetime", "date", "",
)  # fmt: skip
_ALIASES: dict[str, tuple[str, ...]] = {
    "exchange": ("exchange", "venue"),
    "symbol": ("symbol", "instrument", "instrument_name", "inst_id", "pair", "market"),
    "time": _TIME,
    "received": (
        "received_ns", "received", "received_at", "receipt_timestamp", "local_timestamp",
        "local_time", "receive_time", "received_time", "recv_time", "arrival_time",
    ),
    "published": ("published_ns",),
    "id": ("id", "trade_id", "tradeid", "tid", "agg_trade_id", "aggregate_trade_id", "update_id"),
}  # fmt: skip
_OF_CHANNEL: dict[str, dict[str, tuple[str, ...]]] = {
    "trade": {
        "price": ("price", "px", "trade_price"),
        "size": ("size", "qty", "quantity", "base_qty"),
        "side": ("side", "taker_side", "aggressor_side", "direction"),
        "maker": ("is_buyer_maker", "buyer_maker", "was_the_buyer_the_maker", "maker"),
    },
    "quote": {
        "bid": ("bid", "bid_price", "best_bid", "best_bid_price", "bid_px"),
        "bid_size": (
            "bid_size", "bid_qty", "bid_quantity", "bid_amount", "bid_volume", "best_bid_qty",
            "best_bid_size", "bid_sz",
        ),
        "ask": ("ask", "ask_price", "best_ask", "best_ask_price", "ask_px"),
        "ask_size": (
            "ask_size", "ask_qty", "ask_quantity", "ask_amount", "ask_volume", "best_ask_qty",
            "best_ask_size", "ask_sz",
        ),
    },
    "candle": {
        "open_time": ("open_time", "start_time", "start", *_TIME),
        "close_time": ("close_time", "end_time", "end"),
        "open": ("open",), "high": ("high",), "low": ("low",), "close": ("close",),
        "volume": ("volume", "vol", "base_volume"),
        "timeframe": ("timeframe", "interval"),
        "closed": ("closed", "is_closed"),
    },
    "book": {"bids": ("bids",), "asks": ("asks",)},
    "mark": {
        "mark_price": ("mark_price",), "index_price": ("index_price",),
        "funding_rate": ("funding_rate",),
        "next_funding": ("next_funding", "next_funding_time", "funding_timestamp"),
    },
    "liquidation": {
        "side": ("side",), "price": ("price", "average_price"),
        "size": ("size", "qty", "quantity"),
    },
}  # fmt: skip
# Sizes that may also be amounts of the quote currency: used where there is no clearer name.
_WEAK_SIZES = ("amount", "volume", "vol")
_NO_TIME = frozenset({"candle"})  # its times are those of opening and closing
_OURS = frozenset({"received_ns", "published_ns", "session", "seq", "origin"})


def recognise(parts: Sequence[str], header: Sequence[str]) -> TableForm | None:
    """Return the form of a table with this header; None for tickers and for unknown columns.

    Liquidations have the columns of trades: they are known by the name of the file or its folder.
    Raises ValueError where the columns are ambiguous.
    """
    exported = set(header) >= _OURS
    channel = _exported_channel(header) if exported else table_kind(header)
    if channel is None or channel == "ticker":
        return None
    if channel == "trade" and holds_liquidations(parts[-2:]):
        channel = "liquidation"
    names = _names(header)
    roles: dict[str, str] = {}
    for role, aliases in {**_ALIASES, **_OF_CHANNEL[channel]}.items():
        if role == "time" and channel in _NO_TIME and not exported:
            continue
        found = next((names[alias] for alias in aliases if alias in names), None)
        if found is not None:
            roles[role] = found
    if channel in {"trade", "liquidation"} and "size" not in roles:
        roles["size"] = _weak_size(names)
    if "maker" in roles and "side" in roles:
        del roles["maker"]
    title = f"{channel}s exported by feedd" if exported else f"{channel}s"
    return TableForm(name=title, channel=channel, columns=tuple(header), roles=roles)


def _names(header: Sequence[str]) -> dict[str, str]:
    """Return the columns by their plain names; raise ValueError for two with the same."""
    names: dict[str, str] = {}
    for column in header:
        name = "" if column.startswith("Unnamed: ") else plain(column)
        if name in names:
            raise ValueError(f"the columns {names[name]} and {column} have the same meaning")
        names[name] = column
    return names


def _weak_size(names: dict[str, str]) -> str:
    weak = [names[name] for name in _WEAK_SIZES if name in names]
    if len(weak) > 1:
        raise ValueError(
            f"the columns {' and '.join(weak)} could both be the size; rename it to size"
        )
    return weak[0]


def unused(form: TableForm) -> list[str]:
    """Return the columns without a role, for the report; those of an export have none."""
    if form.name.endswith("exported by feedd"):
        return []
    return [name for name in form.columns if name and name not in form.roles.values()]


def _exported_channel(header: Sequence[str]) -> str | None:
    """Return the channel of a table that `feedd export` wrote."""
    names = set(header)
    marks = {
        "ticker": "bid_ask", "trade": "backfilled", "quote": "bid_size", "book": "bids",
        "candle": "open_time", "mark": "mark_price", "liquidation": "side",
    }  # fmt: skip
    return next((channel for channel, mark in marks.items() if mark in names), None)

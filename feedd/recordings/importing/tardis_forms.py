"""The tables that Tardis offers for download, recognised by their headers.

https://docs.tardis.dev/downloadable-csv-files: times in µs, the exchange's in `timestamp` and that
of receipt in `local_timestamp`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.venues.table_forms import TableForm

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMON = ("exchange", "symbol", "timestamp", "local_timestamp")
_ROLES = {"exchange": "exchange", "symbol": "symbol", "time": "timestamp",
          "received": "local_timestamp"}  # fmt: skip
_TRADE = {"id": "id", "side": "side", "price": "price", "size": "amount"}
_LEVEL = re.compile(r"(asks|bids)\[(\d+)\]\.(price|amount)")


def holds_liquidations(parts: Sequence[str]) -> bool:
    """Whether the file, or the nearest folder that says it, is named for liquidations."""
    for part in reversed(parts):
        name = part.lower()
        if "trade" in name or "liquidation" in name:
            return "trade" not in name
    return False


def recognise(parts: Sequence[str], header: Sequence[str]) -> TableForm | None:
    """Return the form of a table of Tardis, or None for another header."""
    if not set(_COMMON) <= set(header):
        return None
    names = set(header) - set(_COMMON)
    levels = {name for name in names if _LEVEL.fullmatch(name)}
    if levels and levels == names:
        return _form(f"book_snapshot_{len(levels) // 4}", "book", header, {})
    if {"is_snapshot", "side", "price", "amount"} <= names:
        roles = {"is_snapshot": "is_snapshot", "side": "side", "price": "price", "size": "amount"}
        return _form("incremental_book_L2", "book", header, roles)
    if {"id", "side", "price", "amount"} <= names:
        if holds_liquidations(parts):
            roles = {key: name for key, name in _TRADE.items() if key != "id"}
            return _form("liquidations", "liquidation", header, roles)
        return _form("trades", "trade", header, _TRADE)
    if {"ask_amount", "ask_price", "bid_price", "bid_amount"} <= names:
        return _form("quotes", "quote", header, {
            "bid": "bid_price", "bid_size": "bid_amount", "ask": "ask_price",
            "ask_size": "ask_amount",
        })  # fmt: skip
    if {"mark_price", "funding_rate", "open_interest"} <= names:
        return _form("derivative_ticker", "mark", header, {
            "mark_price": "mark_price", "index_price": "index_price",
            "funding_rate": "funding_rate", "next_funding": "funding_timestamp",
        })  # fmt: skip
    if {"strike_price", "delta"} & names:
        return _form("options_chain", "", header, {}, "no channel can hold options")
    return _form("a data type that is not known", "", header, {}, "its columns are not known")


def _form(
    title: str, channel: str, header: Sequence[str], roles: dict[str, str], refusal: str = ""
) -> TableForm:
    return TableForm(
        name=f"{title} of Tardis", channel=channel, columns=tuple(header),
        roles={**_ROLES, **roles}, refusal=refusal, tardis=True,
    )  # fmt: skip

"""What a table holds, by the names of its columns. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["ticker", "candle", "trade", "quote", "book", "mark"]

_TICKER_ONLY = frozenset({
    "last", "percentage", "change_percent", "bid_ask", "baseVolume", "vwap", "previousClose",
})  # fmt: skip
_OHLC = frozenset({"open", "high", "low", "close"})
_SIZES = frozenset({"size", "qty", "quantity", "amount", "volume", "vol", "base_qty"})
_BID = frozenset({"bid", "bid_price", "best_bid", "best_bid_price", "bid_px"})
_ASK = frozenset({"ask", "ask_price", "best_ask", "best_ask_price", "ask_px"})


def table_kind(columns: Iterable[str]) -> Kind | None:
    """Return what a table with these columns holds; None where they do not say."""
    exact = set(columns)
    names = {plain(name) for name in exact}
    if {"bids", "asks"} <= names:
        return "book"
    if exact & _TICKER_ONLY:
        return "ticker"
    if names >= _OHLC:
        return "candle"
    if names & _BID and names & _ASK:
        return "quote"
    if names & {"bid", "ask"}:
        return "ticker"
    if names & {"price", "px", "trade_price"} and names & _SIZES:
        return "trade"
    return "mark" if names & {"mark_price", "funding_rate"} else None


def plain(column: str) -> str:
    """Return a column's name in lower case, `openTime` as `open_time`."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.strip())
    return re.sub(r"[\s\-.]+", "_", text).lower()

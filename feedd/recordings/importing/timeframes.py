"""Timeframes of candles: their lengths, and which one a table has. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from feedd.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S

_UNITS = {
    "s": NS_PER_S, "m": 60 * NS_PER_S, "h": NS_PER_HOUR, "d": NS_PER_DAY, "w": 7 * NS_PER_DAY,
    "M": 31 * NS_PER_DAY,
}  # fmt: skip
_USUAL = (
    "1s", "1m", "3m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d",
    "3d", "1w", "1M",
)  # fmt: skip
_NAME = re.compile(r"([1-9]\d{0,3})([smhdwM])")
MONTH_AT_LEAST_NS = 28 * NS_PER_DAY


class Timeframe(NamedTuple):
    """A timeframe and its length; a month's is that of the longest."""

    name: str
    ns: int

    @property
    def varies(self) -> bool:
        """Whether its candles differ in length."""
        return self.name.endswith("M")


def timeframe(name: str) -> Timeframe:
    """Return a timeframe; raise ValueError for a name like `1 min`."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a timeframe; write 1m, 5m, 1h, 1d, 1w or 1M")
    return Timeframe(name, int(match[1]) * _UNITS[match[2]])


def of_length(ns: int) -> Timeframe | None:
    """Return the usual timeframe of candles that are `ns` long, or end up to 1 s before the next.

    None for another length.
    """
    for one in map(timeframe, _USUAL):
        if one.ns - NS_PER_S < ns <= one.ns and (one.ns > NS_PER_S or ns >= one.ns * 9 // 10):
            return one
    month = timeframe("1M")
    return month if MONTH_AT_LEAST_NS - NS_PER_S < ns <= month.ns else None

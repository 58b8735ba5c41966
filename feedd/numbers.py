"""Numbers as exchanges write them, and no others: Python's own parser accepts more. Pure."""

from __future__ import annotations

from math import isfinite
from typing import Any


def number(raw: Any) -> float:
    """Return a price or size, which exchanges write as text; raise ValueError for other text.

    NaN, Infinity, `1_000` and digits of other scripts are rejected; `float` accepts them.
    """
    value = float(raw)
    if not isfinite(value) or (isinstance(raw, str) and ("_" in raw or not raw.isascii())):
        raise ValueError(f"{raw!r} is no number")
    return value


def check_numbers(*values: float | None) -> None:
    """Raise ValueError for a value parsed by ccxt that is NaN or infinite."""
    for value in values:
        if value is not None and not isfinite(value):
            raise ValueError(f"{value} is no price or size")

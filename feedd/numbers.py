"""Numbers as exchanges write them, and no others: Python's own parser accepts more. Pure.

Each value may be a JSON number or text. `1_000`, digits of other scripts, spaces, NaN, infinity and
truth values in a number's place are rejected; a leading `+` and a missing digit beside the point
are not. Every function raises ValueError for any other text, and ValueError, TypeError or
OverflowError for any other value; `exchange_id` takes any.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

LONGEST = 400  # digits of a text: of float64's largest number, and a decimal place
_EXACT_BELOW = 2**53  # integers up to here are exact as float64
_NUMBER = re.compile(r"([+-]?)0*(\d*)(?:\.(\d*))?([eE][+-]?\d+)?", re.ASCII)
_TRUTHS = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}


def number(raw: Any) -> float:
    """Return a price or size."""
    value = float(raw)
    text = type(raw) is str
    if (
        not isfinite(value)
        or type(raw) is bool
        or (text and ("_" in raw or not raw.isascii() or raw != raw.strip()))
    ):
        raise ValueError(f"{raw!r} is not a number")
    return value


def plain_text(raw: str) -> str:
    """Return a number as JSON writes it: 1.5 of `+01.5`, 0.5 of `.5`."""
    match = _NUMBER.fullmatch(raw) if len(raw) <= LONGEST else None
    if match is None or not any(one.isdigit() for one in raw.partition("e")[0].partition("E")[0]):
        raise ValueError(f"{raw[:40]!r} is not a number")
    sign, whole, decimals, exponent = match.groups(default="")
    return f"{sign.removeprefix('+')}{whole or '0'}{f'.{decimals}' if decimals else ''}{exponent}"


def integer(raw: Any) -> int:
    """Return an id or a time; never by way of a float that may have lost digits."""
    if type(raw) is int:
        return raw
    if isinstance(raw, str):
        text = plain_text(raw)
        if text.removeprefix("-").isdigit():
            return int(text)
        raw = float(text)
    if isinstance(raw, float) and raw.is_integer() and abs(raw) <= _EXACT_BELOW:
        return int(raw)
    raise ValueError(f"{raw!r} is not an integer")


def truth(raw: Any) -> bool:
    """Return a truth value: true and false, also as 1 and 0, or as text."""
    value = None if isinstance(raw, float) else _TRUTHS.get(raw)
    if value is None:
        raise ValueError(f"{raw!r} is neither true nor false")
    return value


def check_numbers(*values: float | None) -> None:
    """Raise ValueError for a value parsed by ccxt that is NaN or infinite."""
    for value in values:
        if value is not None and not isfinite(value):
            raise ValueError(f"{value} is not a price or size")


def exchange_id(raw: int | str | None) -> int | str | None:
    """Return an id as a number where the exchange counts, also where it is sent as text.

    Digits after a leading 0 are text: as a number they would be equal to another id.
    """
    if isinstance(raw, str) and raw.isascii() and raw.isdecimal() and len(raw) <= LONGEST:
        return int(raw) if raw == "0" or raw[0] != "0" else raw
    return raw

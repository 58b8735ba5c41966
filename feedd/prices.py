"""Prices as float64: differences without the noise of binary fractions, and text. Pure."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, log10

_DIGITS = 15  # significant decimal digits that each float64 holds


def difference(high: float, low: float) -> float:
    """Return `high - low`, rounded as far as the larger price is exact: 61800.3 - 61800.2 is 0.1.

    It is 0 only where the prices are equal.
    """
    exact = high - low
    largest = max(abs(high), abs(low))
    if not exact or not largest:
        return exact
    return round(exact, _DIGITS - ceil(log10(largest))) or exact


def without_noise(price: float) -> float:
    """Return a computed price rounded to the digits that a float64 holds: 0.1 * 3 is 0.3."""
    return round(price, _DIGITS - ceil(log10(abs(price)))) if price else price


def plain(value: float, least_decimals: int) -> str:
    """Return a number as `50,123.45`: all its digits, so that two that differ read differently.

    No exponent; at least `least_decimals` decimals.
    """
    digits = Decimal(repr(value))
    exponent = digits.as_tuple().exponent
    if not isinstance(exponent, int):  # infinite, or not a number
        return str(value)
    written = f"{digits:,f}"
    if "." in written:
        written = written.rstrip("0").removesuffix(".")
    decimals = len(written.partition(".")[2])
    if decimals >= least_decimals:
        return written
    return f"{digits:,.{least_decimals}f}"

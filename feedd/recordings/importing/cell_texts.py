"""The text of a value of JSON or Parquet, as the same table would have it as CSV."""

from __future__ import annotations

from typing import Any

import msgspec


def cell_text(value: Any) -> str:
    """Return the text of a value; None, and the NaN of a missing number, are empty."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "" if value != value else repr(value)  # noqa: PLR0124  NaN is pandas' missing value
    return msgspec.json.encode(value).decode()

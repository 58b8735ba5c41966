"""Integers that JavaScript can't hold, as decimal text: those of some keys, whatever their size."""

from __future__ import annotations

from typing import Any

from feedd.gateway.stream.encoding import WIDE

WIDE_MAPS = frozenset({"next_seq"})  # of which every value is one


def integers_as_text(value: Any) -> Any:
    """Return plain data with the integers of WIDE keys as text, at any depth."""
    if isinstance(value, dict):
        return {key: _as_text(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [integers_as_text(one) for one in value]
    return value


def _as_text(key: Any, value: Any) -> Any:
    if key in WIDE and type(value) is int:
        return str(value)
    if key in WIDE_MAPS and isinstance(value, dict):
        return {name: str(one) for name, one in value.items()}
    return integers_as_text(value)

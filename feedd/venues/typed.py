"""Typed fields of raw messages, as msgspec reads them: out of a JSON number or a text.

msgspec reads a number out of a JSON string (`strict=False`) as exactly as `float` does, in a tenth
of the time. A price or size that is negative, infinite or not a number is an error of the message.
"""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from feedd.numbers import plain_text

Number = Annotated[float, Meta(ge=0, lt=1e300)]
Price = Annotated[float, Meta(gt=0, lt=1e300)]
Signed = Annotated[float, Meta(gt=-1e300, lt=1e300)]
Levels = list[tuple[Price, Number]]
Exact = str | int | float  # converted with all its digits

read_anything = msgspec.json.Decoder().decode


def typed(keys: Any, of: Any) -> Any:
    """Return the message of a type in an object that was read from JSON.

    Unlike a decoder, it accepts numbers such as `+1.5` and `.5`. Raises ValueError or TypeError.
    """
    try:
        return msgspec.convert(keys, of, strict=False)
    except ValueError:
        return msgspec.convert(_plain(keys), of, strict=False)


def _plain(value: Any) -> Any:
    """Return a value with its numbers as JSON writes them."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return plain_text(value)
    return value

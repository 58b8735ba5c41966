"""Encode and decode MessagePack: one map with text keys per message.

MessagePack has integers from -2**63 to 2**64 - 1. An exchange's id beyond them is written as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

_encoder = msgspec.msgpack.Encoder()
# encode_into(event, buffer, at): the payload of an event into a reused bytearray, which is resized
# to end with it. Raises OverflowError for a wide id: then `encode_wide`.
encode_into: Callable[[Any, bytearray, int], None] = _encoder.encode_into
_decoder = msgspec.msgpack.Decoder(dict[str, Any])
# What msgspec raises for untrusted bytes: its own errors, a ValueError for invalid UTF-8,
# a RecursionError for deeply nested data.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def encode(event: Any) -> bytes:
    """Return the payload of an event: its fields by name, in the order of its class."""
    try:
        return _encoder.encode(event)
    except OverflowError:
        return encode_wide(event)


def encode_wide(event: Any) -> bytes:
    """Return the payload of an event with an id beyond MessagePack's integers."""
    return _encoder.encode(_narrow(msgspec.to_builtins(event)))


def _narrow(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _narrow(one) for key, one in value.items()}
    if type(value) is int and not -(2**63) <= value < 2**64:
        return str(value)
    return value


def decode(payload: bytes) -> dict[str, Any]:
    """Return a payload's map; raise one of UNREADABLE for anything else."""
    return _decoder.decode(payload)

"""Encode and decode MessagePack: one map with text keys per message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.model import Event

_encoder = msgspec.msgpack.Encoder()
# encode(event): the payload of an event: its fields by name, in the order of its class.
encode: Callable[[Event], bytes] = _encoder.encode
# encode_into(event, buffer): the same payload into a reused bytearray, which is resized to the
# payload.
encode_into = _encoder.encode_into
_decoder = msgspec.msgpack.Decoder(dict[str, Any])
# What msgspec raises for untrusted bytes: its own errors, a ValueError for invalid UTF-8,
# a RecursionError for deeply nested data.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def decode(payload: bytes) -> dict[str, Any]:
    """Return a payload's map; raise one of UNREADABLE for anything else."""
    return _decoder.decode(payload)

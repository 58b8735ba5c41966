"""MessagePack, both ways: one map with text keys per message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.model import Event

_encoder = msgspec.msgpack.Encoder()
# encode(event): the payload of an event: its fields by name, in the order of its class.
encode: Callable[[Event], bytes] = _encoder.encode
# encode_into(event, buffer): the same payload into a bytearray that is used again and again, which
# has its length afterwards.
encode_into = _encoder.encode_into
_decoder = msgspec.msgpack.Decoder(dict[str, Any])
# What msgspec raises for bytes from outside: its own errors, a ValueError of text that is no UTF-8,
# a RecursionError of what is nested too deep.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def decode(payload: bytes) -> dict[str, Any]:
    """Return a payload's map; raise one of UNREADABLE for anything else."""
    return _decoder.decode(payload)

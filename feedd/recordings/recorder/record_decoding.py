"""Decode records: the numbers of a message, or a notice. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from feedd.client.events import Gap, NewSession, Notice, StateChange, Stopped, UpstreamGap
from feedd.codec import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable


class MessageNumbers(Struct, frozen=True, gc=False):
    """Numbers of a message; a status also has the `next_seq` of the feed's topics."""

    session: int
    seq: int
    next_seq: dict[str, int] = {}


_NUMBERS = msgspec.msgpack.Decoder(MessageNumbers).decode
_NOTICES: dict[bytes, Callable[[bytes], Notice]] = {
    b"Gap": msgspec.msgpack.Decoder(Gap).decode,
    b"UpstreamGap": msgspec.msgpack.Decoder(UpstreamGap).decode,
    b"NewSession": msgspec.msgpack.Decoder(NewSession).decode,
    b"StateChange": msgspec.msgpack.Decoder(StateChange).decode,
    b"Stopped": msgspec.msgpack.Decoder(Stopped).decode,
}


def decode_numbers(payload: bytes) -> MessageNumbers | None:
    """Decode a message's numbers; None if it is not feedd's."""
    try:
        return _NUMBERS(payload)
    except UNREADABLE:
        return None


def decode_notice(topic: bytes, payload: bytes) -> Notice | None:
    """Decode a notice; None if its type is unknown to this version."""
    decode = _NOTICES.get(topic)
    try:
        return None if decode is None else decode(payload)
    except UNREADABLE:
        return None

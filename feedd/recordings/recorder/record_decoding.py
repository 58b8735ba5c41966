"""What a record is about: a frame's session and seq, a notice as it was told. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from feedd.client.events import Gap, NewSession, Notice, StateChange, Stopped, UpstreamGap
from feedd.codec import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable


class MessageNumbers(Struct, frozen=True, gc=False):
    """Of a frame's payload, its numbers; of a status also what the feed's next ones are."""

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
    """Return a frame's numbers; None for what is no frame of feedd's."""
    try:
        return _NUMBERS(payload)
    except UNREADABLE:
        return None


def decode_notice(topic: bytes, payload: bytes) -> Notice | None:
    """Return the notice that a record is; None for one that this version does not know."""
    decode = _NOTICES.get(topic)
    try:
        return None if decode is None else decode(payload)
    except UNREADABLE:
        return None

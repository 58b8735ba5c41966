"""Responses of a history service, and how to read the messages in them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from feedd.client.decoding import set_origin
from feedd.codec import UNREADABLE

if TYPE_CHECKING:
    from feedd.client.decoding import Message
    from feedd.client.events import Origin
    from feedd.client.topic_table import TopicState


class SnapshotResponse(Struct, frozen=True):
    """The last message of each topic; where not `complete`, more topics follow the last one."""

    id: int
    messages: list[tuple[bytes, bytes]]
    complete: bool


class ReplayResponse(Struct, frozen=True):
    """The messages kept of a range; the history keeps `low` to `high` of the session."""

    id: int
    low: int | None
    high: int | None
    messages: list[tuple[bytes, bytes]]


class ErrorResponse(Struct, frozen=True):
    """The service is up and rejected the request."""

    id: int


HistoryResponse = SnapshotResponse | ReplayResponse | ErrorResponse


class _ResponseHead(Struct, frozen=True):
    op: str | None = None
    error: str | None = None


class _Names(Struct, frozen=True):
    next_seq: dict[str, int]


_NAMES = msgspec.msgpack.Decoder(_Names).decode
_HEAD = msgspec.msgpack.Decoder(_ResponseHead).decode
_ERROR = msgspec.msgpack.Decoder(ErrorResponse).decode
_SNAPSHOT = msgspec.msgpack.Decoder(SnapshotResponse).decode
_REPLAY = msgspec.msgpack.Decoder(ReplayResponse).decode


def decode_response(frame: bytes) -> HistoryResponse:
    """Decode a response; raise DecodeError for anything else."""
    head = _HEAD(frame)
    if head.error is not None:
        return _ERROR(frame)
    return _SNAPSHOT(frame) if head.op == "snapshot" else _REPLAY(frame)


def published_names(response: HistoryResponse) -> set[str]:
    """Return the topics that a snapshot of statuses contains and names."""
    names: set[str] = set()
    for frame, payload in response.messages if isinstance(response, SnapshotResponse) else ():
        with suppress(*UNREADABLE):
            names |= {frame.decode(), *_NAMES(payload).next_seq}
    return names


def decode_from_history(
    topic: TopicState, frame: bytes, payload: bytes, origin: Origin
) -> Message | None:
    """Decode a topic's message in a response and set its origin; None if it is not the topic's."""
    if frame != topic.name.encode():
        return None
    try:
        message = topic.decode(payload)
    except UNREADABLE:
        return None
    return set_origin(message, origin) if message.seq > 0 else None

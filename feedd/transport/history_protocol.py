"""Requests to the history service and its responses: one MessagePack map each. Pure.

    {"op": "snapshot", "topics": [prefix, …], "after": topic or absent}
    {"op": "replay", "topic": t, "session": s, "from": a, "to": b}

A request may have an `id`, which the response repeats. The response to an invalid request has an
`error`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct, field

from feedd.codec import UNREADABLE

if TYPE_CHECKING:
    from feedd.transport.message_rings import MessageRings

# Of one response; the client requests the rest.
MAX_MESSAGES = 2000
MAX_BYTES = 4_000_000  # but always at least one message
FORMS = (
    'send {"op": "snapshot", "topics": [prefix, …]} or '
    '{"op": "replay", "topic": t, "session": s, "from": a, "to": b}'
)
NIL = Raw(b"\xc0")


class _Head(Struct):
    """The keys of a request that the response repeats."""

    op: Raw = NIL
    id: Raw = NIL


class SnapshotRequest(Struct, tag_field="op", tag="snapshot"):
    """Request for the last message of each topic with one of the prefixes, after `after`."""

    topics: list[str]
    after: str | None = None

    def respond(self, rings: MessageRings) -> dict[str, Any]:
        """Return the response without its head."""
        after = None if self.after is None else self.after.encode()
        prefixes = {prefix.encode() for prefix in self.topics}
        messages, complete = rings.last(prefixes, after, MAX_MESSAGES, MAX_BYTES)
        return {"messages": messages, "complete": complete}


class ReplayRequest(Struct, tag_field="op", tag="replay"):
    """Request for messages of one topic and session by seq."""

    topic: str
    session: int
    first: int = field(name="from")
    last: int = field(name="to")

    def respond(self, rings: MessageRings) -> dict[str, Any]:
        """Return the response without its head."""
        held = rings.range(
            self.topic.encode(), self.session, self.first, self.last,
            MAX_MESSAGES, MAX_BYTES,
        )  # fmt: skip
        return {
            "topic": self.topic, "session": self.session, "from": self.first, "to": self.last,
            "low": held.low, "high": held.high, "messages": held.messages,
        }  # fmt: skip


_head = msgspec.msgpack.Decoder(_Head)
_request = msgspec.msgpack.Decoder(SnapshotRequest | ReplayRequest)
_encoder = msgspec.msgpack.Encoder()


def respond(request: bytes, rings: MessageRings) -> bytes:
    """Return the response to any request, valid or not."""
    head = _Head()
    try:
        head = _head.decode(request)
        content = _request.decode(request).respond(rings)
    except UNREADABLE as error:
        content = {"error": f"{error}; {FORMS}"}
    return _encoder.encode({"op": head.op, "id": head.id, **content})

"""What the history is asked and how it answers: one MessagePack map each. Pure.

    {"op": "snapshot", "topics": [prefix, …], "after": topic or absent}
    {"op": "replay", "topic": t, "session": s, "from": a, "to": b}

A request may carry an `id`, which comes back as it was. Whatever else is sent is answered with
what is wrong with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct, field

from feedd.codec import UNREADABLE

if TYPE_CHECKING:
    from feedd.transport.message_rings import MessageRings

# In one answer; whoever asks wants the rest by itself.
MESSAGES_AT_ONCE = 2000
BYTES_AT_ONCE = 4_000_000  # but one message in any case
FORMS = (
    'send {"op": "snapshot", "topics": [prefix, …]} or '
    '{"op": "replay", "topic": t, "session": s, "from": a, "to": b}'
)
NIL = Raw(b"\xc0")


class _Head(Struct):
    """What of a request comes back in any case."""

    op: Raw = NIL
    id: Raw = NIL


class SnapshotRequest(Struct, tag_field="op", tag="snapshot"):
    """Asks for the last message of each topic with one of the prefixes, behind `after`."""

    topics: list[str]
    after: str | None = None

    def answer(self, rings: MessageRings) -> dict[str, Any]:
        """Return what is asked for, without the head."""
        after = None if self.after is None else self.after.encode()
        prefixes = {prefix.encode() for prefix in self.topics}
        messages, complete = rings.last(prefixes, after, MESSAGES_AT_ONCE, BYTES_AT_ONCE)
        return {"messages": messages, "complete": complete}


class ReplayRequest(Struct, tag_field="op", tag="replay"):
    """Asks for messages of one topic and session by their seq."""

    topic: str
    session: int
    first: int = field(name="from")
    last: int = field(name="to")

    def answer(self, rings: MessageRings) -> dict[str, Any]:
        """Return what is asked for, without the head."""
        held = rings.range(
            self.topic.encode(), self.session, self.first, self.last,
            MESSAGES_AT_ONCE, BYTES_AT_ONCE,
        )  # fmt: skip
        return {
            "topic": self.topic, "session": self.session, "from": self.first, "to": self.last,
            "low": held.low, "high": held.high, "messages": held.messages,
        }  # fmt: skip


_head = msgspec.msgpack.Decoder(_Head)
_request = msgspec.msgpack.Decoder(SnapshotRequest | ReplayRequest)
_encoder = msgspec.msgpack.Encoder()


def respond(request: bytes, rings: MessageRings) -> bytes:
    """Return the answer to a request, whatever that is."""
    head = _Head()
    try:
        head = _head.decode(request)
        said = _request.decode(request).answer(rings)
    except UNREADABLE as error:
        said = {"error": f"{error}; {FORMS}"}
    return _encoder.encode({"op": head.op, "id": head.id, **said})

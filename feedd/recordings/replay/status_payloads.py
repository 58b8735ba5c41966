"""Payloads of statuses that a replay reads, and the few that it changes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from feedd.clock import NS_PER_MS
from feedd.codec import UNREADABLE, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STATUS_PREFIX = b"status."
ENDED = "the recording has ended"


class _NextSeqs(Struct):
    """The key of a status that is read."""

    next_seq: dict[str, int]


_encode = msgspec.msgpack.Encoder().encode
_next_seqs = msgspec.msgpack.Decoder(_NextSeqs).decode


def next_seqs_of(status: bytes) -> dict[bytes, int]:
    """Return each topic's next seq; none if the payload is not a status."""
    try:
        return {name.encode(): seq for name, seq in _next_seqs(status).next_seq.items()}
    except UNREADABLE:
        return {}


def with_next_seqs(status: bytes, next_seqs: Mapping[bytes, int]) -> bytes:
    """Return a status with other next seqs."""
    names = {topic.decode(): seq for topic, seq in next_seqs.items()}
    return _encode({**decode(status), "next_seq": names})


def without_gap(status: bytes) -> bytes:
    """Return a status that reports no gap; unchanged if it reports none."""
    try:
        message = decode(status)
    except UNREADABLE:
        return status
    return status if message.get("gap") is None else _encode({**message, "gap": None})


def with_next_seqs_of(status: bytes, wanted: Callable[[bytes], bool]) -> bytes:
    """Return a status without the next seqs of unwanted topics; unchanged if there is none."""
    next_seqs = next_seqs_of(status)
    left = {topic: seq for topic, seq in next_seqs.items() if wanted(topic)}
    return status if len(left) == len(next_seqs) else with_next_seqs(status, left)


def ended_status(
    last: bytes, topic: bytes, session: int, next_seqs: Mapping[bytes, int], at_ns: int
) -> bytes | None:
    """Return the payload that follows a feed's last status; None if the feed was stopped then.

    Without it a subscriber could not distinguish the end of a recording from a feed that has
    failed. `next_seqs` are those of the feed's topics, its own status included, in the session at
    the end; `at_ns` is the recording's clock.
    """
    message = decode(last)
    if message.get("state") == "stopped":
        return None
    message["state"], message["reason"], message["gap"] = "stopped", ENDED, None
    message["timestamp"] = at_ns // NS_PER_MS
    message["received_ns"] = message["published_ns"] = at_ns
    message["session"], message["seq"] = session, next_seqs[topic]
    return with_next_seqs(_encode(message), {**next_seqs, topic: next_seqs[topic] + 1})

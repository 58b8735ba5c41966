"""JSON of the messages of `/stream`. Pure.

With `strings`, integers that may exceed 2**53, which JavaScript's numbers round, are decimal
strings: those of `WIDE`, the values of `next_seq`, and such integers of unknown channels.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.client.events import Gap, NewSession, Other, Status, Stopped, Trade, UpstreamGap
from feedd.codec import UNREADABLE, decode

if TYPE_CHECKING:
    from feedd.client.events import Notice, Tick
    from feedd.gateway.journal import Entry
    from feedd.gateway.stream.missed import Missed

WIDE = frozenset(
    ("received_ns", "published_ns", "session", "old", "new", "id", "from_id", "to_id")
)  # fmt: skip
EXACT = 1 << 53  # integers up to it are exact as float64

_encode = msgspec.json.Encoder().encode
_as_dict = msgspec.structs.asdict


def message_text(
    topic: str, event: Tick | Status, *, strings: bool, origin: str | None = None
) -> bytes:
    """Return a tick or a status with its keys as on the wire; `origin` replaces its own."""
    if type(event) is Other:
        return _text_of_other(topic, event, origin or event.origin, strings=strings)
    content = _as_dict(event)
    own_origin = content.pop("origin")
    if type(event) is Trade and not event.backfilled:
        del content["backfilled"]  # as on the wire
    if strings:
        _widen(content)
        if type(event) is Status:
            content["next_seq"] = {name: str(seq) for name, seq in event.next_seq.items()}
            if event.gap is not None:
                content["gap"] = _as_dict(event.gap)
                _widen(content["gap"])
    return _encode(
        {"type": event.channel, "topic": topic, "origin": origin or own_origin, **content}
    )


def notice_text(notice: Notice, entry: Entry, *, strings: bool, origin: str | None = None) -> bytes:
    """Return a notice, with the time and the number of its entry in the journal."""
    content: dict[str, Any] = {"type": _type(notice), **_as_dict(notice)}
    if entry.reason is not None:
        content["reason"] = entry.reason  # cut to a bounded length
    content |= {"at_ms": entry.at_ms, "number": entry.number}
    if origin is not None:
        content["origin"] = origin
    if strings:
        _widen(content)
    return _encode(content)


def with_conflated(text: bytes, left_out: int) -> bytes:
    """Return the JSON of a message with the number of those that it replaces."""
    return b'%b,"conflated":%d}' % (text[:-1], left_out)


def ready_text(snapshot: int) -> bytes:
    """Return the message that ends the snapshot."""
    return _encode({"type": "ready", "snapshot": snapshot})


def heartbeat_text(now_ms: int, behind_ms: int | None) -> bytes:
    """Return a heartbeat; `behind_ms` is None before the first live message."""
    return _encode({"type": "heartbeat", "now_ms": now_ms, "behind_ms": behind_ms})


def missed_text(missed: Missed, *, strings: bool) -> bytes:
    """Return the report of what a client did not get."""
    content: dict[str, Any] = {"type": "missed", "count": missed.count}
    content["topics"] = {
        topic: {
            "session": str(lost.session) if strings else lost.session,
            "from_seq": lost.from_seq,
            "to_seq": lost.to_seq,
            "count": lost.count,
        }
        for topic, lost in missed.topics.items()
    }
    if (notices := missed.notices) is not None:
        content["notices"] = {
            "from_number": notices.from_seq, "to_number": notices.to_seq, "count": notices.count,
        }  # fmt: skip
    if missed.unlisted:
        content["unlisted"] = missed.unlisted
    return _encode(content)


def _type(notice: Notice) -> str:
    match notice:
        case Gap():
            return "gap"
        case UpstreamGap():
            return "upstream_gap"
        case NewSession():
            return "new_session"
        case Stopped():
            return "stopped"
    return "state"


def _widen(content: dict[str, Any]) -> None:
    for key in WIDE & content.keys():
        if type(content[key]) is int:
            content[key] = str(content[key])


def _text_of_other(topic: str, event: Other, origin: str, *, strings: bool) -> bytes:
    ours = {"type": event.channel, "topic": topic, "origin": origin}
    try:
        content = decode(event.payload)
        return _encode({**ours, **(_narrow(content) if strings else content), **ours})
    except (*UNREADABLE, TypeError):  # JSON has no form of it
        rest: dict[str, Any] = {
            "exchange": event.exchange, "symbol": event.symbol, "session": event.session,
            "seq": event.seq, "payload": base64.b64encode(event.payload).decode(),
        }  # fmt: skip
        if strings:
            _widen(rest)
        return _encode(ours | rest)


def _narrow(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: str(one) if key in WIDE and type(one) is int else _narrow(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_narrow(one) for one in value]
    return str(value) if type(value) is int and abs(value) > EXACT else value

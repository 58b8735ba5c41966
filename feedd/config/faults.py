"""The faults that the embedded exchange can show: their names, their parameters, their checks.

What each does on the wire stands in `docs/faults.md`; the doing is `feedd.embedded.faults`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

# Where a fault stands: at connections, in the way of their events or of all that they send, at
# requests to subscribe, at REST pages, at handshakes, or before the whole exchange.
Place = Literal["connection", "event", "link", "subscription", "page", "handshake", "exchange"]
Venue = Literal["usdm", "spot", "bybit"]
Name = Literal[
    "close", "close_without_fin", "fin", "reset", "error", "restart",
    "stall", "no_pong",
    "mute", "drop", "duplicate", "reorder", "delay", "wrong_pu", "no_snapshot",
    "malformed", "empty_list", "null", "number", "empty_text", "text", "no_symbol",
    "unknown_symbol", "unknown_event", "junk_price", "empty_price", "no_pu", "crossed",
    "bad_utf8", "binary", "reserved_opcode", "too_big",
    "refuse", "no_ack", "late_ack",
    "http", "truncated", "empty", "html", "stale_snapshot", "page_hang", "page_reset",
    "handshake", "handshake_hang", "handshake_reset",
    "away",
]  # fmt: skip
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
NAMES: tuple[str, ...] = get_args(Name)


class Fault(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault as it is asked for; `check` says whether its parameters fit its name.

    `streams` are names or their beginnings, `symbol` is `BTCUSDT` or `BTC/USDT:USDT`; what is left
    out narrows nothing. It begins after `after_s` and ends after `for_s` more, or when it has
    happened `count` times; with neither it stays until it is deleted, unless its kind says else.
    """

    fault: Name
    exchange: Venue | None = None
    streams: tuple[str, ...] = ()
    symbol: str | None = None
    count: Annotated[int, Meta(ge=1)] | None = None
    for_s: Seconds | None = None
    after_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    code: Annotated[int, Meta(ge=-99_999, le=99_999)] | None = None
    text: str | None = None
    form: Literal["nested", "flat"] | None = None
    pongs: bool | None = None
    instead: bool | None = None
    delay_s: Seconds | None = None
    page: str | None = None
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    retry_after_s: Annotated[int, Meta(ge=0)] | None = None


class Kind(NamedTuple):
    """What a name means: where it stands, its parameters' defaults, and how often it happens.

    A default of None is of a parameter that may be left out, REQUIRED of one that may not.
    `once`: without `count` and `for_s` it happens once; to each connection that is there, where
    it stands at connections.
    """

    place: Place
    takes: dict[str, Any]
    once: bool = False


REQUIRED: Any = object()
_SPOILT = Kind("event", {"instead": True}, once=True)
KINDS: dict[str, Kind] = {
    "close": Kind("connection", {"code": 1000, "text": ""}, once=True),
    "close_without_fin": Kind("connection", {"code": 1000, "text": ""}, once=True),
    "fin": Kind("connection", {}, once=True),
    "reset": Kind("connection", {}, once=True),
    "error": Kind("connection", {"code": 2, "text": None, "form": "nested"}, once=True),
    "restart": Kind("connection", {}, once=True),
    "stall": Kind("link", {"pongs": True}),
    "no_pong": Kind("link", {}),
    "mute": Kind("event", {}),
    "drop": Kind("event", {}, once=True),
    "duplicate": Kind("event", {}, once=True),
    "reorder": Kind("event", {}, once=True),
    "delay": Kind("event", {"delay_s": 1.0}),
    "wrong_pu": _SPOILT,
    "no_snapshot": Kind("event", {}, once=True),
    "malformed": _SPOILT,
    "empty_list": _SPOILT,
    "null": _SPOILT,
    "number": _SPOILT,
    "empty_text": _SPOILT,
    "text": Kind("event", {"instead": True, "text": REQUIRED}, once=True),
    "no_symbol": _SPOILT,
    "unknown_symbol": _SPOILT,
    "unknown_event": _SPOILT,
    "junk_price": _SPOILT,
    "empty_price": _SPOILT,
    "no_pu": _SPOILT,
    "crossed": _SPOILT,
    "bad_utf8": _SPOILT,
    "binary": _SPOILT,
    "reserved_opcode": _SPOILT,
    "too_big": _SPOILT,
    "refuse": Kind("subscription", {"code": 2, "text": None, "form": "nested"}, once=True),
    "no_ack": Kind("subscription", {}, once=True),
    "late_ack": Kind("subscription", {"delay_s": 1.0}, once=True),
    "http": Kind(
        "page", {"page": None, "status": REQUIRED, "code": None, "text": None,
                 "retry_after_s": None}
    ),
    "truncated": Kind("page", {"page": None}),
    "empty": Kind("page", {"page": None}),
    "html": Kind("page", {"page": None}),
    "stale_snapshot": Kind("page", {}),
    "page_hang": Kind("page", {"page": None}),
    "page_reset": Kind("page", {"page": None}),
    "handshake": Kind("handshake", {"status": REQUIRED, "retry_after_s": None}),
    "handshake_hang": Kind("handshake", {}),
    "handshake_reset": Kind("handshake", {}),
    "away": Kind("exchange", {}),
}  # fmt: skip
_EVERYWHERE = frozenset({"fault", "for_s", "after_s"})
_NARROWED: dict[Place, frozenset[str]] = {
    "connection": frozenset({"exchange", "streams", "symbol", "count"}),
    "event": frozenset({"exchange", "streams", "symbol", "count"}),
    "link": frozenset({"exchange", "streams", "symbol"}),
    "subscription": frozenset({"exchange", "streams", "symbol", "count"}),
    "page": frozenset({"exchange", "symbol", "count"}),
    "handshake": frozenset({"exchange", "count"}),
    "exchange": frozenset(),
}
# Nothing could call back an exchange that is away for ever; a stale book is of one symbol.
_NEEDED = {"away": "for_s", "stale_snapshot": "symbol"}
NEVER_SENT = frozenset({1005, 1006, 1015})  # RFC 6455, 7.4.1: in no close frame


def parameter(fault: Fault, name: str) -> Any:
    """Return a parameter of a checked fault, or its default."""
    given = getattr(fault, name)
    return KINDS[fault.fault].takes[name] if given is None else given


def check(fault: Fault) -> str | None:
    """Return in one sentence what doesn't fit in a fault, or None."""
    kind = KINDS[fault.fault]
    fits = _EVERYWHERE | _NARROWED[kind.place] | kind.takes.keys()
    for field in msgspec.structs.fields(Fault):
        given = getattr(fault, field.name)
        if field.name not in fits and given != field.default:
            return f"{fault.fault} takes no {field.name}; it takes {', '.join(sorted(fits))}"
        if given is None and kind.takes.get(field.name) is REQUIRED:
            return f"{fault.fault} needs {field.name}"
    for name, needed in _NEEDED.items():
        if fault.fault == name and getattr(fault, needed) is None:
            return f"{name} needs {needed}"
    if "" in fault.streams:
        return "streams must not hold an empty name; leave streams out to mean all"
    return _check_close(fault) if fault.fault in {"close", "close_without_fin"} else None


def _check_close(fault: Fault) -> str | None:
    code = parameter(fault, "code")
    if not 1000 <= code <= 4999 or code in NEVER_SENT:
        return f"{code} can't stand in a close frame; fin and reset end without one"
    if len(parameter(fault, "text").encode()) > 123:
        return "text is over 123 bytes, the most that a close frame takes"
    return None

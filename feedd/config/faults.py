"""Faults of the embedded exchange: their names, their parameters, their checks.

`docs/faults.md` describes what each does on the wire; `feedd.embedded.faults` implements them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

from feedd.venues.played import played_exchanges
from feedd.venues.registry import EmbeddedMarket, played_name

# Where a fault applies: to connections, to their events or to all that they send, to requests to
# subscribe, to REST pages, to handshakes, or to the whole exchange.
Place = Literal["connection", "event", "link", "subscription", "page", "handshake", "exchange"]
Name = Literal[
    "close", "close_without_fin", "fin", "reset", "error", "restart",
    "shutdown",
    "stall", "no_pong",
    "mute", "drop", "duplicate", "reorder", "delay", "wrong_pu", "no_snapshot",
    "malformed", "empty_list", "null", "number", "empty_text", "text", "no_symbol",
    "unknown_symbol", "unknown_event", "alter", "junk_price", "empty_price", "no_pu", "crossed",
    "bad_utf8", "binary", "reserved_opcode", "too_big",
    "refuse", "no_ack", "late_ack",
    "http", "truncated", "empty", "html", "stale_snapshot", "page_hang", "page_reset",
    "handshake", "handshake_hang", "handshake_reset",
    "away",
]  # fmt: skip
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
NAMES: tuple[str, ...] = get_args(Name)
Form = Literal["nested", "flat"]
CHOICES: dict[str | int, tuple[str, ...]] = {  # values, by key
    "fault": NAMES,
    "form": get_args(Form),
    "exchange": get_args(EmbeddedMarket),
}


class Fault(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A requested fault; `check` validates that its parameters fit its name.

    `streams` are names or their beginnings, `symbol` is `BTCUSDT` or `BTC/USDT:USDT`; what is left
    out does not narrow the fault. It begins after `after_s` and ends after `for_s` more, or when it
    has happened `count` times. With neither it stays until deleted, unless its rule has `once`.
    """

    fault: Name
    exchange: str | None = None  # an EmbeddedMarket, or the exchange of a recording
    streams: tuple[str, ...] = ()
    symbol: str | None = None
    count: Annotated[int, Meta(ge=1)] | None = None
    for_s: Seconds | None = None
    after_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    code: Annotated[int, Meta(ge=-99_999, le=99_999)] | None = None
    text: str | None = None
    form: Form | None = None
    pongs: bool | None = None
    instead: bool | None = None
    delay_s: Seconds | None = None
    page: str | None = None
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    retry_after_s: Annotated[int, Meta(ge=0)] | None = None


class FaultRule(NamedTuple):
    """Rule of a fault name: where it applies, its parameters' defaults, how often it happens.

    A default of None marks an optional parameter, REQUIRED one without a default. `once`: without
    `count` and `for_s` it happens once; with the place `connection`, once to each open connection.
    """

    place: Place
    takes: dict[str, Any]
    once: bool = False


REQUIRED: Any = object()
_ALTERED = FaultRule("event", {"instead": True}, once=True)
RULES: dict[str, FaultRule] = {
    "close": FaultRule("connection", {"code": 1000, "text": ""}, once=True),
    "close_without_fin": FaultRule("connection", {"code": 1000, "text": ""}, once=True),
    "fin": FaultRule("connection", {}, once=True),
    "reset": FaultRule("connection", {}, once=True),
    "error": FaultRule("connection", {"code": 2, "text": None, "form": "nested"}, once=True),
    "restart": FaultRule("connection", {}, once=True),
    "shutdown": FaultRule("connection", {"code": 1001, "text": "", "delay_s": 10.0}, once=True),
    "stall": FaultRule("link", {"pongs": True}),
    "no_pong": FaultRule("link", {}),
    "mute": FaultRule("event", {}),
    "drop": FaultRule("event", {}, once=True),
    "duplicate": FaultRule("event", {}, once=True),
    "reorder": FaultRule("event", {}, once=True),
    "delay": FaultRule("event", {"delay_s": 1.0}),
    "wrong_pu": _ALTERED,
    "no_snapshot": FaultRule("event", {}, once=True),
    "malformed": _ALTERED,
    "empty_list": _ALTERED,
    "null": _ALTERED,
    "number": _ALTERED,
    "empty_text": _ALTERED,
    "text": FaultRule("event", {"instead": True, "text": REQUIRED}, once=True),
    "no_symbol": _ALTERED,
    "unknown_symbol": _ALTERED,
    "unknown_event": _ALTERED,
    "alter": _ALTERED,
    "junk_price": _ALTERED,
    "empty_price": _ALTERED,
    "no_pu": _ALTERED,
    "crossed": _ALTERED,
    "bad_utf8": _ALTERED,
    "binary": _ALTERED,
    "reserved_opcode": _ALTERED,
    "too_big": _ALTERED,
    "refuse": FaultRule("subscription", {"code": 2, "text": None, "form": "nested"}, once=True),
    "no_ack": FaultRule("subscription", {}, once=True),
    "late_ack": FaultRule("subscription", {"delay_s": 1.0}, once=True),
    "http": FaultRule(
        "page", {"page": None, "status": REQUIRED, "code": None, "text": None,
                 "retry_after_s": None}
    ),
    "truncated": FaultRule("page", {"page": None}),
    "empty": FaultRule("page", {"page": None}),
    "html": FaultRule("page", {"page": None}),
    "stale_snapshot": FaultRule("page", {}),
    "page_hang": FaultRule("page", {"page": None}),
    "page_reset": FaultRule("page", {"page": None}),
    "handshake": FaultRule("handshake", {"status": REQUIRED, "retry_after_s": None}),
    "handshake_hang": FaultRule("handshake", {}),
    "handshake_reset": FaultRule("handshake", {}),
    "away": FaultRule("exchange", {}),
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
_CLOSING = frozenset({"close", "close_without_fin", "shutdown"})
NEVER_SENT = frozenset({1005, 1006, 1015})  # RFC 6455, 7.4.1: in no close frame


def parameter(fault: Fault, name: str) -> Any:
    """Return a parameter of a checked fault, or its default."""
    given = getattr(fault, name)
    return RULES[fault.fault].takes[name] if given is None else given


def check(fault: Fault) -> str | None:
    """Return the error in a fault's parameters, or None."""
    rule = RULES[fault.fault]
    fits = _EVERYWHERE | _NARROWED[rule.place] | rule.takes.keys()
    for field in msgspec.structs.fields(Fault):
        given = getattr(fault, field.name)
        if field.name not in fits and given != field.default:
            names = ", ".join(sorted(fits))
            return f"{fault.fault} has no parameter {field.name}; its parameters are {names}"
        if given is None and rule.takes.get(field.name) is REQUIRED:
            return f"{fault.fault} needs {field.name}"
    for name, needed in _NEEDED.items():
        if fault.fault == name and getattr(fault, needed) is None:
            return f"{name} needs {needed}"
    served = get_args(EmbeddedMarket)
    if fault.exchange is not None and fault.exchange not in served:
        known = sorted({played_name(one.exchange) for one in played_exchanges()})
        if fault.exchange not in known:
            names = ", ".join([*served, *known])
            return f"exchange: {fault.exchange} is not one of {names}"
    if "" in fault.streams:
        return "streams must not contain an empty name; omit streams to match all"
    return _check_close(fault) if fault.fault in _CLOSING else None


def _check_close(fault: Fault) -> str | None:
    code = parameter(fault, "code")
    if not 1000 <= code <= 4999 or code in NEVER_SENT:
        return f"{code} is not allowed in a close frame; fin and reset disconnect without one"
    if len(parameter(fault, "text").encode()) > 123:
        return "text exceeds 123 bytes, the limit of a close frame"
    return None

"""Columns of the tables, derived from the event classes so that they can't drift. Pure.

A channel's table has the columns common to all channels, then the channel's own, then `origin` and
`other` (the keys unknown to this version). docs/tables.md describes each.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from feedd import channels
from feedd.client import events

Type = Literal["integer", "number", "text", "truth", "levels", "json"]

COMMON = (
    "symbol", "exchange", "timestamp", "id", "received_ns", "published_ns", "session", "seq",
)  # fmt: skip

NS, MS = "ns since 1970-01-01 UTC", "ms since 1970-01-01 UTC"
UNITS = {
    "timestamp": MS, "received_ns": NS, "published_ns": NS,
    "at_ns": NS, "from_ns": NS, "to_ns": NS,
    "messages_per_s": "1/s", "latency_us": "µs", "exchange_latency_us": "µs", "uptime_s": "s",
    "cpu_percent": "%", "memory_mb": "MB",
}  # fmt: skip


class Column(NamedTuple):
    """One column: nilable (null, an empty field), except the names and counters of COMMON."""

    name: str
    type: Type
    unit: str | None = None


# Numbers that fit the columns; a payload with any other goes unchanged to the table `other`.
_Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Number = Annotated[float, msgspec.Meta(gt=-1e308, lt=1e308)]
_SHAPES: dict[Type, Any] = {
    "integer": _Integer, "number": _Number, "text": str, "truth": bool,
    "levels": list[tuple[_Number, _Number]], "json": dict[str, Any],
}  # fmt: skip


def _type(annotation: Any) -> tuple[Type, bool]:
    """Return a key's column type, and whether it may be nil."""
    parts = [annotation]
    if get_origin(annotation) in {Union, types.UnionType}:
        parts = [one for one in get_args(annotation) if one is not type(None)]
    nilable = annotation not in parts and type(None) in get_args(annotation)
    if set(parts) == {int, str}:
        return "text", nilable  # an id: a number on some exchanges, text on others
    (part,) = parts
    plain: dict[Any, Type] = {int: "integer", float: "number", str: "text", bool: "truth"}
    if part in plain:
        return plain[part], nilable
    if get_origin(part) is Literal:
        return "text", nilable
    if get_origin(part) is list:
        return "levels", nilable
    return "json", nilable


class Table(NamedTuple):
    """A table: its columns and, for a channel, the strict struct of its payloads."""

    name: str
    columns: tuple[Column, ...]
    shape: type[Struct] | None = None


def _channel_table(name: str, event_class: type[Struct], own_units: dict[str, str]) -> Table:
    units = {**UNITS, **own_units}
    fields = {one.name: one for one in msgspec.structs.fields(event_class)}
    del fields["origin"]
    order = [*COMMON, *(key for key in fields if key not in COMMON)]
    columns, shape = [], []
    for key in order:
        column_type, nilable = _type(fields[key].type)
        columns.append(Column(key, column_type, units.get(key)))
        payload = int | str if key == "id" else _SHAPES[column_type]
        payload = payload | None if nilable else payload
        default = fields[key].default
        # The keys that the publisher stamps are required.
        optional = default is None or default is False
        shape.append((key, payload, default) if optional else (key, payload))
    columns += [Column("origin", "text"), Column("other", "json")]
    strict = msgspec.defstruct(
        f"{name}_payload", shape, kw_only=True, forbid_unknown_fields=True, gc=False
    )
    return Table(name, tuple(columns), strict)


CHANNELS = {
    **{
        name: _channel_table(name, events.CHANNEL_EVENTS[name], spec.units)
        for name, spec in channels.CHANNELS.items()
    },
    "status": _channel_table("status", events.Status, {}),
}
GAPS = Table(
    "gaps",
    (
        Column("at_ns", "integer", NS), Column("kind", "text"), Column("told_by", "text"),
        Column("feed", "text"), Column("topic", "text"), Column("channel", "text"),
        Column("session", "integer"), Column("old_session", "integer"),
        Column("from_seq", "integer"), Column("to_seq", "integer"),
        Column("from_id", "text"), Column("to_id", "text"),
        Column("from_ns", "integer", NS), Column("to_ns", "integer", NS),
        Column("records", "integer"),
        Column("state", "text"), Column("reason", "text"), Column("other", "json"),
    ),
)  # fmt: skip
OTHER = Table(
    "other",
    (
        Column("at_ns", "integer", NS), Column("topic", "text"), Column("origin", "text"),
        Column("why", "text"), Column("payload", "json"), Column("raw", "text"),
    ),
)  # fmt: skip
TABLES = {**CHANNELS, GAPS.name: GAPS, OTHER.name: OTHER}

"""Conversion of payloads, notices and damage to rows, in the column order of their table. Pure.

Nothing is lost: unknown keys are kept as JSON in the column `other`, and a payload that does not
match its channel is kept unchanged in the table `other`. Values of a `json` column are JSON text.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec

from feedd import codec
from feedd.recordings.format.block_records import LIVE, NOTICE, REPLAYED, SNAPSHOT
from feedd.recordings.tables.columns import GAPS, OTHER

if TYPE_CHECKING:
    from feedd.recordings.format.block_records import BlockRecord
    from feedd.recordings.format.damage import Damage
    from feedd.recordings.tables.columns import Table

Row = tuple[Any, ...]
ORIGINS = {LIVE: "live", SNAPSHOT: "snapshot", REPLAYED: "replayed", NOTICE: "notice"}

_ID = 3  # position of `id` in every channel's table


class ChannelRows:
    """Converter of one channel's payloads to rows."""

    def __init__(self, table: Table) -> None:
        if table.shape is None:
            raise ValueError(f"{table.name} is not the table of a channel")
        self._shape = table.shape
        self._decode = msgspec.msgpack.Decoder(table.shape).decode
        self._known = frozenset(table.shape.__struct_fields__)
        self._json = [
            place
            for place, column in enumerate(table.columns[:-1])
            if column.type == "json"
        ]  # fmt: skip

    def row(self, payload: bytes, origin: str) -> Row | None:
        """Return a payload's row; None if the payload does not match this channel."""
        other = None
        try:
            found = self._decode(payload)
        except codec.UNREADABLE:
            kept = self._with_unknown_keys(payload)
            if kept is None:
                return None
            found, other = kept
        row = [*msgspec.structs.astuple(found), origin, other]
        if type(row[_ID]) is int:
            row[_ID] = str(row[_ID])
        try:
            for place in self._json:
                if row[place] is not None:
                    row[place] = _json(row[place])
        except _NOT_JSON:
            return None
        return tuple(row)

    def _with_unknown_keys(self, payload: bytes) -> tuple[Any, str] | None:
        """Return a payload's known keys as the channel's struct, and the others as JSON."""
        try:
            keys = codec.decode(payload)
            unknown = {key: keys.pop(key) for key in list(keys) if key not in self._known}
            return msgspec.convert(keys, self._shape), _json(unknown)
        except (*codec.UNREADABLE, *_NOT_JSON):
            return None


def notice_row(record: BlockRecord) -> Row | None:
    """Return the row of `gaps` for a notice; None if its payload is not a map."""
    try:
        keys = codec.decode(record.payload)
        if "old" in keys and "new" in keys:
            keys["old_session"], keys["session"] = keys.pop("old"), keys.pop("new")
        return _gap_row(record.ns, record.topic.decode(), "client", keys)
    except (*codec.UNREADABLE, *_NOT_JSON):
        return None


def status_gap_row(row: Row, places: dict[str, int]) -> Row | None:
    """Return the row of `gaps` for a row of `status`; None if it reports no gap.

    `places` maps the columns of `status` to their positions.
    """
    gap = row[places["gap"]]
    if gap is None:
        return None
    keys = {
        **msgspec.json.decode(gap),
        "feed": f"{row[places['exchange']]}.{row[places['symbol']]}.",
        "session": row[places["session"]],
    }
    return _gap_row(row[places["published_ns"]], "UpstreamGap", "feed", keys)


def damage_row(at_ns: int, damage: Damage) -> Row:
    """Return the row of `gaps` for a damaged range of the recording."""
    keys = {
        "from_ns": damage.from_ns, "to_ns": damage.to_ns, "records": damage.records,
        "reason": damage.why, "path": str(damage.path),
    }  # fmt: skip
    return _gap_row(at_ns, "Damage", "recording", keys)


def other_row(record: BlockRecord, why: str) -> Row:
    """Return the row of the table `other` for a record that fits no other table."""
    try:
        payload = _json(codec.decode(record.payload))
    except (*codec.UNREADABLE, *_NOT_JSON):
        payload = None
    row = {
        "at_ns": record.ns, "topic": record.topic.decode(errors="backslashreplace"),
        "origin": ORIGINS.get(record.kind, str(record.kind)), "why": why, "payload": payload,
        "raw": base64.b64encode(record.payload).decode("ascii"),
    }  # fmt: skip
    return tuple(row[column.name] for column in OTHER.columns)


def _gap_row(at_ns: int, kind: str, reporter: str, keys: dict[str, Any]) -> Row:
    row: dict[str, Any] = {"at_ns": at_ns, "kind": kind, "told_by": reporter}
    other = {}
    for key, value in keys.items():
        column_type = None if key in row else _GAP_TYPES.get(key)
        if value is None and column_type is not None:
            continue
        if column_type == "integer" and type(value) is int and -(2**63) <= value < 2**63:
            row[key] = value
        elif column_type == "text" and isinstance(value, str | int):
            row[key] = str(value)
        else:
            other[key] = value
    row["other"] = _json(other) if other else None
    return tuple(row.get(column.name) for column in GAPS.columns)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_GAP_TYPES = {column.name: column.type for column in GAPS.columns if column.type != "json"}
# Raised for an untrusted map: keys that are not text, MessagePack extensions, too deep nesting.
_NOT_JSON = (TypeError, ValueError, RecursionError)

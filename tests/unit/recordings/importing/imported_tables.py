"""Import of a table written by a test, and what became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from table_samples import feedd

from feedd import codec
from feedd.recordings.format.block_records import NOTICE, BlockRecord
from feedd.recordings.format.recording_reader import RecordingReader

Events = list[dict[str, Any]]


def events(folder: Path) -> Events:
    """Return all payloads of a recording with their channels, without notices."""
    found = []
    for _, what in RecordingReader([folder]).entries():
        assert isinstance(what, BlockRecord)
        if what.kind != NOTICE:
            channel = what.topic.decode().partition(".")[0]
            found.append({"channel": channel, **codec.decode(what.payload)})
    return found


def import_table(tmp_path: Path, name: str, text: str | bytes, *options: object) -> Events:
    """Import one file of this name (with folders); return the events without the statuses."""
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    feedd("import", path, "--out", tmp_path / "out", *options)
    return [one for one in events(tmp_path / "out") if one["channel"] != "status"]


def gaps(folder: Path) -> list[tuple[Any, ...]]:
    """Return channel, ids and reason of each gap in a recording."""
    found = [one["gap"] for one in events(folder) if one.get("gap") is not None]
    return [(one["channel"], one["from_id"], one["to_id"], one["reason"]) for one in found]


def pick(found: Events, *keys: str) -> list[tuple[Any, ...]]:
    """Return some keys of each event."""
    return [tuple(one[key] for key in keys) for one in found]


def json_lines(rows: list[dict[str, Any]]) -> str:
    """Write rows as JSON lines."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)

"""Frames of the real recordings of other venues."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import zstandard
from conftest import real_recording


def received(name: str) -> Iterator[tuple[str, Any]]:
    """Yield the connection and the parsed text of each frame that was received."""
    with real_recording(name).open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            row = json.loads(line)
            if row["t"] == "recv":
                yield row["conn"], json.loads(row["data"])

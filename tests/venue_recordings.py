"""Frames and REST answers of the real recordings of other venues."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import zstandard
from conftest import real_recording


def received(name: str) -> Iterator[tuple[str, Any]]:
    """Yield the connection and the parsed text of each frame that was received."""
    for row in _rows(name):
        if row["t"] == "recv":
            packed = row.get("b64")  # with gzip
            text = row["data"] if packed is None else gzip.decompress(base64.b64decode(packed))
            yield row["conn"], json.loads(text)


def answers(name: str) -> Iterator[tuple[str, Any]]:
    """Yield the URL and the parsed body of each REST answer."""
    for row in _rows(name):
        if row["t"] == "http":
            yield row["url"], json.loads(row["data"])


def _rows(name: str) -> Iterator[Any]:
    with real_recording(name).open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            yield json.loads(line)

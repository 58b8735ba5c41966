"""Recording of a live run over a whole file: its tables, and an import of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from integration.exported_tables import RawMessages, imported, in_the_file, run, same_as_the_file
from integration.recorded_pipeline import whole_recording

from feedd import codec
from feedd.recordings.format.block_records import LIVE, REPLAYED, BlockRecord
from feedd.recordings.format.recording_reader import RecordingReader

__all__ = ["imported", "in_the_file", "whole_recording"]  # fixtures

# The first of these makes the live run.
pytestmark = pytest.mark.process

OURS = ("received_ns", "published_ns", "session")  # of the run, not of what the exchange sent


def payloads(folder: Path, channel: str) -> list[list[tuple[str, Any]]]:
    """Return a channel's payloads in order, without the keys that differ between runs."""
    return [
        [(key, value) for key, value in codec.decode(what.payload).items() if key not in OURS]
        for _, what in RecordingReader([folder]).entries()
        if isinstance(what, BlockRecord)
        and what.kind in {LIVE, REPLAYED}
        and what.topic.startswith(f"{channel}.".encode())
    ]


def test_a_live_recording_as_parquet_equals_the_file(
    whole_recording: Path, btcusdt: Path, tmp_path: Path, in_the_file: RawMessages
) -> None:
    run("export", whole_recording, "--format", "parquet", "--out", tmp_path)
    same_as_the_file(tmp_path, btcusdt, in_the_file)


@pytest.mark.parametrize("channel", ["quote", "trade"])
def test_an_import_has_the_payloads_of_the_live_worker(
    whole_recording: Path, imported: Path, channel: str
) -> None:
    assert payloads(imported, channel) == payloads(whole_recording, channel)

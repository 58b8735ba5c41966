"""Progress of a supervised replay, as its worker writes it and `feedd status` reads it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from feedd.recordings.replay.replay_status import ReplayReports, read_status, status_path
from feedd.recordings.replay.schedule import ReplaySpan, Schedule

S = 1_000_000_000
BEGIN_NS = 1_764_075_600 * S  # 2025-11-25T13:00:00Z


def reports(tmp_path: Path) -> tuple[Any, ReplayReports]:
    player: Any = SimpleNamespace(sent=0, passes=0, at_ns=0, blocked_s=None)
    schedule = Schedule(ReplaySpan(BEGIN_NS, BEGIN_NS + 200 * S), 1.0)
    return player, ReplayReports(player, schedule, status_path(str(tmp_path), "feed-x"))


def test_progress_is_the_part_of_the_recordings_time(tmp_path: Path) -> None:
    player, writer = reports(tmp_path)
    writer.write()
    status = read_status(str(tmp_path), "feed-x")
    assert status is not None
    assert (status.pid, status.text) == (os.getpid(), "0 % played")
    player.sent, player.at_ns = 500, BEGIN_NS + 50 * S
    writer.write()
    status = read_status(str(tmp_path), "feed-x")
    assert status is not None
    assert (status.messages, status.text) == (500, "25 % played, at 2025-11-25T13:00:50.000Z")
    assert status.messages_per_s > 0
    player.passes, player.blocked_s = 2, 1.0
    writer.write()
    status = read_status(str(tmp_path), "feed-x")
    assert status is not None
    assert status.messages_per_s == 0.0
    assert status.text == (
        "25 % of pass 3 played, at 2025-11-25T13:00:50.000Z, waits for a subscriber"
    )


@pytest.mark.parametrize("content", [None, b"", b"{}", msgspec.json.encode({"pid": "x"})])
def test_a_missing_or_unreadable_file_is_no_status(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        status_path(str(tmp_path), "feed-x").write_bytes(content)
    assert read_status(str(tmp_path), "feed-x") is None

"""The start that all replayed symbols of a daemon share."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from feedd.config.load import parse_config
from feedd.config.settings import Config
from feedd.recordings.replay import common_start
from feedd.recordings.replay.schedule import ReplaySpan, Schedule

S = 1_000_000_000
LONG = Schedule(ReplaySpan(0, 3600 * S), 1.0)
SHORT = Schedule(ReplaySpan(0, 1), 1e9)  # over in a nanosecond or so


def settings(folder: Path, more: str = "") -> Config:
    text = (
        f"symbols: [A/USDT]\nsource: replay\nrun_dir: {folder}\nreplay:\n  recordings: [a]\n{more}"
    )
    return parse_config(text, Path("feedd.yaml"))


def test_a_later_player_joins_the_first(tmp_path: Path) -> None:
    first = common_start.join(settings(tmp_path), LONG)
    assert first.monotonic_ns > time.monotonic_ns()  # so that the others can come up
    assert common_start.join(settings(tmp_path), LONG) == first


def test_changed_settings_start_a_new_window(tmp_path: Path) -> None:
    first = common_start.join(settings(tmp_path), LONG)
    assert common_start.join(settings(tmp_path, "  pace: 2"), LONG) != first


def test_a_restarted_supervisord_resets_the_counts(tmp_path: Path) -> None:
    first = common_start.join(settings(tmp_path), LONG)
    path = tmp_path / common_start.FILE
    path.write_text(path.read_text().replace(first.life, "1 1.0"))
    assert common_start.join(settings(tmp_path), LONG).monotonic_ns != first.monotonic_ns


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil asks otherwise")
def test_a_player_that_starts_after_a_clock_change_joins_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = common_start.join(settings(tmp_path), LONG)
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: 1_000_000.0)
    assert common_start.join(settings(tmp_path), LONG) == first


def test_a_finished_replay_restarts_and_a_loop_never_finishes(tmp_path: Path) -> None:
    def past(more: str) -> tuple[common_start.CommonStart, common_start.CommonStart]:
        given = settings(tmp_path, more)
        first = common_start.join(given, LONG)
        path = tmp_path / common_start.FILE
        ago = str(first.monotonic_ns - 60 * S)
        path.write_text(path.read_text().replace(str(first.monotonic_ns), ago))
        return first, common_start.join(given, SHORT)

    first, second = past("")
    assert second.monotonic_ns > first.monotonic_ns - 60 * S
    first, second = past("  loop: true")
    assert second.monotonic_ns == first.monotonic_ns - 60 * S


def test_a_file_that_is_junk_is_replaced(tmp_path: Path) -> None:
    (tmp_path / common_start.FILE).write_text("{")
    first = common_start.join(settings(tmp_path), LONG)
    assert common_start.join(settings(tmp_path), LONG) == first

"""What is made of what supervisord says: here, of the watchdog."""

import os
import time
from pathlib import Path

import pytest

from feedd import config
from feedd.operation.health import WATCHDOG_LATE_S, Look
from feedd.supervision.daemon import Daemon


def watchdog_state(folder: Path, uptime_s: float) -> str | None:
    """Return its state when its heartbeat is from long ago, or was never left."""
    text = f"symbols: [BTC/USDT]\nrun_dir: {folder}\nlog_dir: {folder}\n"
    settings = config.parse(text, Path("feedd.yaml"))
    now = int(time.time())
    info = {"statename": "RUNNING", "pid": 0, "start": now - int(uptime_s), "now": now,
            "exitstatus": 0, "spawnerr": ""}  # fmt: skip
    ports = {feed.name: 1 for feed in settings.feeds()}
    with Look(settings, Daemon(folder), ports) as look:
        return look._put_together({"watchdog": info}).processes[0].state


@pytest.mark.parametrize("left_behind", [True, False])
def test_a_watchdog_is_late_by_its_own_life_and_not_by_what_an_earlier_one_left(
    tmp_path: Path, left_behind: bool
) -> None:
    if left_behind:
        heartbeat = tmp_path / "watchdog.beat"
        heartbeat.touch()
        os.utime(heartbeat, (1, 1))
    assert watchdog_state(tmp_path, 5) is None
    assert watchdog_state(tmp_path, WATCHDOG_LATE_S + 5) == "silent"

"""What is made of what supervisord says: here, of the watchdog."""

import os
import time
from pathlib import Path

import pytest

from feedd import config
from feedd.operation.health import WATCHDOG_LATE_S, Health, Look
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


def replay_of(folder: Path, statename: str, exit_code: int) -> tuple[str | None, Health]:
    """Return the state of a replay by supervisord's word, and the health of the whole."""
    text = (
        f"symbols: [BTC/USDT]\nsource: replay\nreplay: {{recordings: [a]}}\n"
        f"run_dir: {folder}\nlog_dir: {folder}\n"
    )
    settings = config.parse(text, Path("feedd.yaml"))
    now = int(time.time())
    runs = {"statename": "RUNNING", "pid": 0, "start": now, "now": now, "exitstatus": 0,
            "spawnerr": ""}  # fmt: skip
    name = settings.feeds()[0].name
    infos = {"watchdog": runs, "proxy": runs,
             name: {**runs, "statename": statename, "exitstatus": exit_code}}  # fmt: skip
    (folder / "watchdog.beat").touch()
    with Look(settings, Daemon(folder), {name: 1}) as look:
        report = look._put_together(infos)
    return report.processes[-1].state, report.health


@pytest.mark.parametrize(
    ("statename", "exit_code", "state", "health"),
    [
        ("RUNNING", 0, "replay", Health.HEALTHY),  # whatever it plays, or while it plays nothing
        ("EXITED", 0, "ended", Health.HEALTHY),
        ("EXITED", 78, "down", Health.DOWN),
        ("STOPPED", 0, "down", Health.DOWN),
        ("FATAL", 0, "down", Health.DOWN),
    ],
)
def test_a_replay_that_came_to_its_end_has_not_failed(
    tmp_path: Path, statename: str, exit_code: int, state: str, health: Health
) -> None:
    assert replay_of(tmp_path, statename, exit_code) == (state, health)

"""Health of the watchdog, feeds and replays from supervisord's report and their statuses."""

import os
import time
from pathlib import Path

import pytest

from feedd.config.load import parse_config
from feedd.health.monitor import (
    WATCHDOG_LATE_S,
    HealthMonitor,
)
from feedd.health.report import Health, Report
from feedd.supervision.daemon import Daemon
from feedd.transport.status_monitor import ReceivedStatus


def watchdog_state(folder: Path, uptime_s: float) -> str | None:
    """Return the watchdog's state `uptime_s` after its start."""
    text = f"symbols: [BTC/USDT]\ngateway: false\nrun_dir: {folder}\nlog_dir: {folder}\n"
    settings = parse_config(text, Path("feedd.yaml"))
    now = int(time.time())
    info = {"statename": "RUNNING", "pid": 0, "start": now - int(uptime_s), "now": now,
            "exitstatus": 0, "spawnerr": ""}  # fmt: skip
    ports = {feed.name: 1 for feed in settings.feeds()}
    with HealthMonitor(settings, Daemon(folder), ports) as monitor:
        return monitor._put_together({"watchdog": info}).processes[0].state


@pytest.mark.parametrize("left_behind", [True, False])
def test_a_watchdog_is_late_by_its_own_uptime_and_not_by_an_earlier_heartbeat(
    tmp_path: Path, left_behind: bool
) -> None:
    if left_behind:
        heartbeat = tmp_path / "watchdog.heartbeat"
        heartbeat.touch()
        os.utime(heartbeat, (1, 1))
    assert watchdog_state(tmp_path, 5) is None
    assert watchdog_state(tmp_path, WATCHDOG_LATE_S + 5) == "silent"


def replay_of(folder: Path, statename: str, exit_code: int) -> tuple[str | None, Health]:
    """Return the state of a replay by supervisord's state, and the overall health."""
    text = (
        f"symbols: [BTC/USDT]\ngateway: false\nsource: replay\nreplay: {{recordings: [a]}}\n"
        f"run_dir: {folder}\nlog_dir: {folder}\n"
    )
    settings = parse_config(text, Path("feedd.yaml"))
    now = int(time.time())
    runs = {"statename": "RUNNING", "pid": 0, "start": now, "now": now, "exitstatus": 0,
            "spawnerr": ""}  # fmt: skip
    name = settings.feeds()[0].name
    infos = {"watchdog": runs, "proxy": runs,
             name: {**runs, "statename": statename, "exitstatus": exit_code}}  # fmt: skip
    (folder / "watchdog.heartbeat").touch()
    with HealthMonitor(settings, Daemon(folder), {name: 1}) as monitor:
        report = monitor._put_together(infos)
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
def test_a_replay_that_ended_has_not_failed(
    tmp_path: Path, statename: str, exit_code: int, state: str, health: Health
) -> None:
    assert replay_of(tmp_path, statename, exit_code) == (state, health)


BTC = "feed-binanceusdm-BTC-USDT-USDT"


def status_of(pid: int | None, state: str = "live") -> dict[str, object]:
    return {
        "exchange": "binanceusdm", "symbol": "BTC/USDT:USDT", "session": 1, "seq": 1, "pid": pid,
        "state": state, "reason": None, "channels": {}, "gaps": 0, "deployment": "theirs",
        "cpu_percent": 1.5, "memory_mb": 40.0,
    }  # fmt: skip


def report_on(
    folder: Path, received: dict[str, object] | None, foreign: dict[str, object] | None = None
) -> Report:
    """Return the report on a feed whose process has pid 7, with statuses that just arrived."""
    text = f"symbols: [BTC/USDT]\ngateway: false\nrun_dir: {folder}\nlog_dir: {folder}\n"
    settings = parse_config(text, Path("feedd.yaml"))
    now = int(time.time())
    runs = {"statename": "RUNNING", "pid": 0, "start": now, "now": now, "exitstatus": 0,
            "spawnerr": ""}  # fmt: skip
    infos = {"watchdog": runs, "proxy": runs, BTC: {**runs, "pid": 7}}
    (folder / "watchdog.heartbeat").touch()
    with HealthMonitor(settings, Daemon(folder), {BTC: 1}) as monitor:
        at_s = time.monotonic()
        for where, status in (
            (monitor._statuses.received, received), (monitor._statuses.foreign, foreign),
        ):  # fmt: skip
            if status is not None:
                where[BTC] = ReceivedStatus(status, own_s=at_s, proxies_s={"proxy": at_s})
        return monitor._put_together(infos)


def test_a_status_counts_if_it_is_of_the_process_that_runs(tmp_path: Path) -> None:
    assert report_on(tmp_path, status_of(7)).health == Health.HEALTHY


@pytest.mark.parametrize("pid", [8, None])
def test_a_status_of_an_earlier_process_does_not_count(tmp_path: Path, pid: int | None) -> None:
    report = report_on(tmp_path, status_of(pid))
    assert report.health == Health.DOWN
    (feed,) = report.feeds
    assert feed.state == "silent"
    assert f"an earlier process of this feed (pid {pid})" in str(feed.reason)


def test_a_status_of_another_deployment_does_not_count_and_is_named(tmp_path: Path) -> None:
    report = report_on(tmp_path, None, status_of(7))
    assert report.health == Health.DOWN
    (notice,) = report.notices
    assert f"{BTC} of deployment theirs (pid 7 there) arrives from tcp://127.0.0.1:5500" in notice
    both = report_on(tmp_path, status_of(7), status_of(9))
    assert both.health == Health.HEALTHY
    assert len(both.notices) == 1

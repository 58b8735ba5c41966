"""Keeping CPUs awake: the value written to the device, and that a refusal stops nothing."""

from __future__ import annotations

from pathlib import Path

import psutil
from structlog.testing import capture_logs

from feedd.runtime.cpu_latency import cpus_awake


def holds(path: Path) -> bool:
    """Whether this process has a file open."""
    return str(path) in {one.path for one in psutil.Process().open_files()}


def test_the_device_receives_0_and_stays_open(tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.touch()
    with cpus_awake(str(device)):
        assert device.read_bytes() == bytes(4)
        assert holds(device)
    assert not holds(device)


def test_a_refusal_by_the_system_is_reported_and_the_process_continues(tmp_path: Path) -> None:
    went_on = False
    with capture_logs() as logs, cpus_awake(str(tmp_path / "none")):
        went_on = True
    assert went_on
    (log,) = logs
    assert (log["log_level"], log["device"]) == ("warning", str(tmp_path / "none"))

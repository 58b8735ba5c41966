"""The watchdog judges a worker by the statuses of its own process only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feedd.config.applied import resolved, write_applied
from feedd.config.load import parse_config
from feedd.runtime.deployment import deployment_id
from feedd.supervision.daemon import Daemon
from feedd.supervision.watchdog_loop import WatchdogLoop

BTC = "feed-binanceusdm-BTC-USDT-USDT"
INFO = {"name": BTC, "pid": 7, "statename": "RUNNING", "start": 0}


@pytest.fixture
def watchdog(tmp_path: Path) -> Iterator[WatchdogLoop]:
    config = parse_config(f"symbols: [BTC/USDT]\nrun_dir: {tmp_path}\n", Path("x.yaml"))
    write_applied(resolved(config, {BTC: 1}), tmp_path / "x.yaml", tmp_path)
    loop = WatchdogLoop(Daemon(tmp_path))
    loop._reload_config()
    yield loop
    loop.close()


def observed(watchdog: WatchdogLoop, tmp_path: Path, **status: Any) -> str | None:
    """Return the state that the watchdog gives the worker after a status."""
    payload = {
        "exchange": "binanceusdm", "symbol": "BTC/USDT:USDT", "session": 1, "seq": 1, "pid": 7,
        "state": "live", "channels": {}, "deployment": deployment_id(tmp_path), **status,
    }  # fmt: skip
    watchdog._statuses._take(("status.", payload), None)
    return watchdog._observe(INFO, time.monotonic()).state


def test_a_status_of_the_process_that_runs_counts(watchdog: WatchdogLoop, tmp_path: Path) -> None:
    assert observed(watchdog, tmp_path) == "live"


@pytest.mark.parametrize(
    "status", [{"pid": 8}, {"pid": None}, {"deployment": "theirs"}, {"deployment": None}]
)
def test_a_status_of_an_earlier_process_or_another_deployment_does_not(
    watchdog: WatchdogLoop, tmp_path: Path, status: dict[str, Any]
) -> None:
    assert observed(watchdog, tmp_path, **status) is None

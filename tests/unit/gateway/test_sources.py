"""Status files as the gateway's API has them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from feedd.config.load import parse_config
from feedd.config.settings import Config
from feedd.gateway.sources import Sources, read_sources
from feedd.health.report import UNKNOWN, ProcessHealth, Report
from feedd.recordings.recorder.recorder_status import RecorderStatus
from feedd.runtime.status_file import write_status
from feedd.sources.limits.shared_budget import Budget
from feedd.transport.history_service import HistoryCounts
from feedd.transport.proxy_status import ProxyStatus, status_path

S = 10**9
NOW_NS = 1_700_000_000 * S
PROXY = ProxyStatus(
    pid=7, at_ns=NOW_NS - S // 2, since_ns=NOW_NS - 60 * S, lossless=False, messages=1000,
    bytes=90_000, messages_per_s=20.5, bytes_per_s=1800.0, subscribers=3, cut=1, refused=0,
    history=HistoryCounts(4, 70_000, 2, 1),
)  # fmt: skip
RECORDER = RecorderStatus(
    pid=8, at_ns=NOW_NS, since_ns=NOW_NS - 60 * S, dir="recordings", messages=100,
    messages_per_s=12.5, bytes=5_000, lost=0, failing=None, lag_s=0.021, disk_free_bytes=10,
    disk_total_bytes=20,
)  # fmt: skip


def config(run_dir: Path) -> Config:
    text = f"symbols: [BTC/USDT]\nproxies: 2\nrun_dir: {run_dir}\nrecorder: {{}}\n"
    return parse_config(text, Path("feedd.yaml"))


def report(process: str = "RUNNING", pid: int | None = 7) -> Report:
    return Report((ProcessHealth("proxy", process, pid, 60),
                   ProcessHealth("recorder", "RUNNING", 8, 60)))  # fmt: skip


def read(run_dir: Path, of: Report) -> Sources:
    return read_sources(config(run_dir), of, NOW_NS, time.monotonic())


def test_all_sources_are_read_with_the_names_of_the_api(tmp_path: Path) -> None:
    write_status(PROXY, status_path(str(tmp_path), "proxy"))
    write_status(RECORDER, tmp_path / "recorder.json")
    asyncio.run(Budget(tmp_path, "htx", "BTC/USDT", None, 100.0).request(1.0))
    found = msgspec.to_builtins(read(tmp_path, report()))
    assert found["proxies"] == [{
        "name": "proxy", "at_ms": NOW_NS // 10**6 - 500, "since_ms": NOW_NS // 10**6 - 60_000,
        "lossless": False, "messages": 1000, "bytes": 90_000, "messages_per_s": 20.5,
        "bytes_per_s": 1800.0, "subscribers": 3, "cut": 1, "refused": 0,
        "history": {"topics": 4, "bytes": 70_000, "not_kept": 2, "unsent": 1},
    }]  # fmt: skip
    assert found["recorder"] == {
        "at_ms": NOW_NS // 10**6, "since_ms": NOW_NS // 10**6 - 60_000, "dir": "recordings",
        "messages": 100, "messages_per_s": 12.5, "bytes": 5_000, "lost": 0, "failing": None,
        "lag_s": 0.021, "disk_free_bytes": 10, "disk_total_bytes": 20,
    }  # fmt: skip
    (budget,) = found["budgets"]
    assert (budget["exchange"], budget["kind"], budget["used"]) == ("htx", "weight", 1.0)


@pytest.mark.parametrize(
    ("of", "late_s", "believed"),
    [
        (report(), 0, True),
        (report(), 4, True),
        (report(), 9, False),
        (report(), -9, False),  # the clock was set back since
        (report(pid=6), 0, False),
        (report("STOPPED", None), 0, False),
        (report(UNKNOWN, None), 0, True),  # supervisord hangs
        (Report(()), 0, False),
    ],
)
def test_the_file_of_a_process_that_does_not_run_is_not_believed(
    tmp_path: Path, of: Report, late_s: int, *, believed: bool
) -> None:
    at_ns = NOW_NS - late_s * S
    write_status(msgspec.structs.replace(PROXY, at_ns=at_ns), status_path(str(tmp_path), "proxy"))
    assert bool(read(tmp_path, of).proxies) is believed


def test_without_files_there_is_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, report()) == Sources()

"""Use of the shared limits, as a monitor reads it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from pathlib import Path

import pytest

from feedd.sources.limits import window_file as record
from feedd.sources.limits.budget_use import BudgetUse, budget_use
from feedd.sources.limits.shared_budget import Budget
from feedd.sources.limits.window import Window

BTC = "BTC/USDT:USDT"


def used(run_dir: Path, later_s: float = 0.0) -> dict[tuple[str, str, str | None], BudgetUse]:
    found = budget_use(run_dir, time.monotonic() + later_s)
    return {(one.exchange, one.kind, one.address): one for one in found}


def test_without_a_worker_there_is_no_use(tmp_path: Path) -> None:
    assert budget_use(tmp_path, 1.0) == []


def test_use_is_that_of_all_workers_by_exchange_kind_and_address(tmp_path: Path) -> None:
    async def spend() -> None:
        for endpoint in (None, None, "http://key@127.0.0.1:8765/spot"):
            budget = Budget(tmp_path, "binanceusdm", BTC, endpoint, 50.0)
            await budget.spend(40.0)
            await budget.connection()

    asyncio.run(spend())
    found = used(tmp_path)
    assert found["binance-linear", "weight", None] == BudgetUse(
        "binance-linear", "weight", None, "request weight", 80.0, 2160, 60.0, 0.0, None, False
    )
    connects = found["binance-linear", "connects", None]
    assert (connects.unit, connects.used, connects.limit) == ("connections", 2.0, 270)
    assert found["binance-linear", "weight", "127.0.0.1-8765-spot"].used == 40.0
    assert used(tmp_path, 70.0)["binance-linear", "weight", None].used == 0.0


def test_an_exchange_that_ccxt_calibrates_has_its_limit_in_the_file(tmp_path: Path) -> None:
    asyncio.run(Budget(tmp_path, "phemex", "BTC/USDT", None, 120.5).request(3.0))
    use = used(tmp_path)["phemex", "weight", None]
    assert (use.unit, use.used, use.limit) == ("ccxt's cost", 3.0, 448)


def test_a_pause_is_shown_with_its_reason_and_the_time_left(tmp_path: Path) -> None:
    async def refused() -> None:
        budget = Budget(tmp_path, "htx", "BTC/USDT", None, 100.0)
        budget.handshake_refused(429, {"Retry-After": "30"})
        await budget.settle()

    asyncio.run(refused())
    use = used(tmp_path)["htx", "connects", None]
    assert (use.why, use.limit, use.used) == ("HTTP 429", None, None)
    assert 25 < use.paused_s <= 30
    later = used(tmp_path, 40.0)["htx", "connects", None]
    assert (later.why, later.paused_s) == (None, 0.0)


@pytest.mark.parametrize("content", [b"x", bytes(4096), b"00000000 {}"])
def test_a_damaged_file_is_named_and_the_others_are_read(tmp_path: Path, content: bytes) -> None:
    asyncio.run(Budget(tmp_path, "htx", "BTC/USDT", None, 100.0).request(1.0))
    folder = tmp_path / "budget"
    (folder / "okx-weight").write_bytes(content)
    (folder / "gate-weight").touch()  # a worker has just opened it
    (folder / "kraken-weight").mkdir()
    (folder / "notes.txt").write_text("mine")
    os.mkfifo(folder / "mexc-weight")
    found = used(tmp_path)
    assert set(found) == {("htx", "weight", None), ("okx", "weight", None)}
    assert found["okx", "weight", None].damaged
    assert found["okx", "weight", None].used is None


def test_a_record_of_an_earlier_version_has_no_limit(tmp_path: Path) -> None:
    (tmp_path / "budget").mkdir()
    written = record.encode(Window(None, {}, time.monotonic() + 9, "HTTP 403"), record.boot_id())
    (tmp_path / "budget" / "okx-weight").write_bytes(written)
    use = used(tmp_path)["okx", "weight", None]
    assert (use.limit, use.unit, use.why, use.damaged) == (None, None, "HTTP 403", False)


def test_reading_waits_for_no_lock(tmp_path: Path) -> None:
    asyncio.run(Budget(tmp_path, "htx", "BTC/USDT", None, 100.0).request(1.0))
    with (tmp_path / "budget" / "htx-weight").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert used(tmp_path)["htx", "weight", None].used == 1.0

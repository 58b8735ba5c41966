"""One file, and all the processes that spend from it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import eventually

from feedd.errors import LimitError, SourceError
from feedd.runtime.locks import file_lock_on_loop
from feedd.sources.limits import allowance as module
from feedd.sources.limits import window_file as record
from feedd.sources.limits.allowance import Allowance
from feedd.sources.limits.window import Window
from feedd.venues.limits import RateLimit

LIMIT = RateLimit(270, 300.0, 60)

HAMMER = """
import asyncio, json, sys, time
from pathlib import Path
from feedd.sources.limits.allowance import Allowance
from feedd.venues.limits import RateLimit
from feedd.errors import LimitError

async def main():
    allowance = Allowance(Path(sys.argv[1]), "test", "requests", RateLimit(60, 1.0, 10))
    until, taken = time.monotonic() + float(sys.argv[2]), []
    print("started", flush=True)
    while (before := time.monotonic()) < until:
        try:
            await allowance.take()
        except LimitError:  # the others were quicker, again and again
            continue
        taken.append((before, time.monotonic()))
    print(json.dumps(taken))

asyncio.run(main())
"""

HOLDER = """
import asyncio, sys
from pathlib import Path
from feedd.runtime.locks import file_lock_on_loop

async def main():
    async with file_lock_on_loop(Path(sys.argv[1]), 1.0):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def spawned(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def connections(path: Path) -> Allowance:
    return Allowance(path, "binance-linear", "connections", LIMIT)


def write(path: Path, window: Window) -> None:
    path.write_bytes(record.encode(window, record.boot_id()))


def used_up(freed_in_s: float) -> Window:
    """Return an exhausted window that is free again after `seconds`."""
    window, now_s = Window(LIMIT), time.monotonic()
    slot = int((now_s + freed_in_s) // LIMIT.slot_s) - LIMIT.slots - 1
    window.spent[slot] = 270.0
    return window


@pytest.mark.process
def test_a_window_of_many_processes_never_holds_more_than_the_limit(tmp_path: Path) -> None:
    """A spending lies between two times: only what surely lies in a window is counted in it."""
    path = tmp_path / "limit"
    processes = [spawned(HAMMER, str(path), "3") for _ in range(5)]
    for process in processes:
        assert said(process) == "started"
    taken = [pair for process in processes for pair in json.loads(said(process))]
    for process in processes:
        process.communicate()
    assert len(taken) > 60  # so that the limit was met; a busy machine takes less than it may
    for first_s, _ in taken:
        surely = [1 for before, after in taken if before >= first_s and after < first_s + 1.0]
        assert len(surely) <= 60


@pytest.mark.process
def test_a_process_that_is_killed_leaves_a_record_that_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "limit"
    for _ in range(6):
        process = spawned(HAMMER, str(path), "60")
        assert said(process) == "started"
        eventually(lambda: path.exists() and path.stat().st_size)
        time.sleep(random.uniform(0.0, 0.15))
        process.kill()
        process.communicate()
        checksum, _, body = path.read_bytes().partition(b" ")
        assert len(checksum) == 8
        assert json.loads(body)["boot"] == record.boot_id()
    left = record.decode(
        path.read_bytes(), RateLimit(60, 1.0, 10), record.boot_id(), time.monotonic()
    )
    assert left.why == ""


@pytest.mark.process
def test_a_lock_ends_with_its_holder_and_a_stopped_holder_freezes_no_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "limit"
    holder = spawned(HOLDER, str(path))
    assert said(holder) == "held"
    os.kill(holder.pid, signal.SIGSTOP)

    async def run() -> None:
        monkeypatch.setattr(module, "LOCK_WITHIN_S", 0.5)
        ticks, taking = 0, asyncio.create_task(connections(path).take())
        while not taking.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 2  # a frozen loop has one; 50, where the machine is not busy
        with pytest.raises(SourceError, match=r"held it for 0.5 s; is it stopped\?"):
            await taking
        monkeypatch.setattr(module, "LOCK_WITHIN_S", 20.0)
        taking = asyncio.create_task(connections(path).take())
        await asyncio.sleep(0.05)
        assert not taking.done()
        holder.kill()
        await taking

    try:
        asyncio.run(run())
    finally:
        holder.kill()
        holder.communicate()


def test_a_short_wait_is_slept_and_a_long_one_is_an_error_with_its_end(tmp_path: Path) -> None:
    async def run() -> None:
        short = Allowance(tmp_path / "short", "test", "requests", RateLimit(2, 1.0, 4))
        for _ in range(3):
            await short.take()
        write(tmp_path / "limit", used_up(60.0))
        with pytest.raises(LimitError) as caught:
            await connections(tmp_path / "limit").take()
        assert 50 < caught.value.retry_after_s < 65
        assert re.fullmatch(
            r"binance-linear: 270 connections in 300 s are used up on this machine; "
            r"the next is free in \d\d s",
            str(caught.value),
        )

    began_s = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began_s > 1.0


def test_a_pause_applies_to_every_user_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "limit"

    async def run() -> None:
        await connections(path).pause(100.0, "HTTP 429")
        await connections(path).pause(50.0, "HTTP 403")
        with pytest.raises(LimitError) as caught:
            await connections(path).take()
        assert 90 < caught.value.retry_after_s <= 100
        assert re.fullmatch(
            r"binance-linear: the exchange asked for a pause \(HTTP 429\) until "
            r"\d\d:\d\d:\d\d UTC; (100|9\d) s left",
            str(caught.value),
        )

    asyncio.run(run())


def test_a_damaged_file_heals_within_a_window(tmp_path: Path) -> None:
    path = tmp_path / "limit"

    async def run() -> None:
        path.write_bytes(b"not a record")
        with pytest.raises(LimitError):
            await connections(path).take()
        path.write_bytes(b"not a record")
        await Allowance(path, "test", "requests", RateLimit(10, 1.0, 4)).take()

    began_s = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began_s > 1.0


def test_a_folder_that_can_not_be_made_is_no_end_of_the_feed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def run() -> None:
        with pytest.raises(SourceError, match="can't be opened"):
            await connections(tmp_path / "file" / "limit").take()
        with pytest.raises(SourceError, match="can't be opened"):
            async with file_lock_on_loop(tmp_path, 0.1):
                pass

    asyncio.run(run())

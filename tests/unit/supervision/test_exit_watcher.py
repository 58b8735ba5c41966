"""Exits of processes, reported as they happen."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from feedd.supervision.exit_watcher import ExitWatcher


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def descriptors() -> int:
    """Count those of processes: others of this process may come and go."""
    links = []
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the descriptor of this listing
            links.append(str(path.readlink()))
    return links.count("anon_inode:[pidfd]")


@pytest.mark.process
def test_the_exit_of_a_watched_process_is_reported_once_and_of_others_never() -> None:
    async def watch() -> None:
        told = asyncio.Queue[None]()
        exits = ExitWatcher(lambda: told.put_nowait(None))
        before = descriptors()
        one, two, unwatched = sleeper(), sleeper(), sleeper()
        exits.watch([one.pid, two.pid, unwatched.pid])
        assert descriptors() == before + 3
        exits.watch([one.pid, two.pid])
        unwatched.kill()
        unwatched.wait()
        one.kill()
        await asyncio.wait_for(told.get(), 30)
        one.wait()
        two.kill()
        two.wait()
        await asyncio.wait_for(told.get(), 30)
        exits.watch([one.pid, os.getpid()])  # the first of them is no process any more
        exits.close()
        assert told.empty()
        assert descriptors() == before

    asyncio.run(watch())

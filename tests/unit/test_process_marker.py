"""A test without the `process` marker can't start a process, by whatever means."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def multiprocess(method: str) -> Any:
    multiprocessing.get_context(method).Process(target=print).start()  # type: ignore[attr-defined]


def start_with_asyncio() -> None:
    asyncio.run(asyncio.create_subprocess_exec("true"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "start",
    [
        lambda: subprocess.run(["true"], check=False),
        lambda: os.system("true"),
        lambda: os.popen("true"),
        lambda: os.spawnlp(os.P_NOWAIT, "true", "true"),
        fork,
        start_with_asyncio,
        lambda: multiprocess("fork"),
        lambda: multiprocess("spawn"),
        lambda: multiprocess("forkserver"),
    ],
    ids=["subprocess", "system", "popen", "spawn", "fork", "asyncio", "mp-fork", "mp-spawn",
         "mp-forkserver"],
)  # fmt: skip
def test_a_process_without_the_marker_fails_the_test(start: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"marked @pytest\.mark\.process"):
        start()


@pytest.mark.process
def test_a_marked_test_starts_processes() -> None:
    subprocess.run(["true"], check=True)

"""A file held by one process at a time, waited for without blocking the event loop.

The kernel releases `flock` when a process ends, however it ends. One that is stopped (SIGSTOP)
keeps it: so the wait is bounded, and the loop of whoever waits goes on.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from feedd.errors import LimitError, SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LOOK_FIRST_S, LOOK_EVERY_S = 0.002, 0.1  # doubled each time: a list of markets takes a second


@asynccontextmanager
async def locked(path: Path, within_s: float) -> AsyncIterator[int]:
    """Hold a file, which is made if need be, and yield its descriptor.

    Raises LimitError where another process keeps it for longer, SourceError where it can't be
    opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SourceError(f"{path}: can't be opened: {error.strerror}") from None
    try:
        deadline, pause_s = time.monotonic() + within_s, LOOK_FIRST_S
        while not _taken(descriptor):
            if time.monotonic() > deadline:
                raise LimitError(
                    f"{path}: another process has held it for {within_s:g} s; is it stopped?", 0.0
                )
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  no secret
            pause_s = min(2.0 * pause_s, LOOK_EVERY_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

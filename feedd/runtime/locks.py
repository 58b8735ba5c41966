"""Locks between processes, each a file.

The kernel releases `flock` when its holder ends, however it ends. A holder that is stopped
(SIGSTOP) keeps it, so every wait is bounded.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.errors import ConfigError, FeeddError, LimitError, SourceError
from feedd.runtime.files import make_run_dir
from feedd.runtime.owners import why_refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractContextManager

COMMAND = Path("run/command.lock")
TIMEOUT_S = 30.0  # a stop that is slow at every step takes as long
FIRST_PAUSE_S = 0.002  # between two attempts; doubled each time
LONGEST_PAUSE_S = 0.02
LONGEST_PAUSE_ON_LOOP_S = 0.1  # some are held for a second: while a list of markets is fetched


class BusyError(FeeddError):
    """Another process still holds a lock after the wait."""


def command_lock(root: Path, timeout_s: float = TIMEOUT_S) -> AbstractContextManager[None]:
    """Hold the one lock of a project under which the set of running processes is changed.

    It is not held while a command waits for its feeds: that may take a minute.
    """
    return file_lock(root / COMMAND, timeout_s)


@contextmanager
def file_lock(path: Path, timeout_s: float = TIMEOUT_S) -> Iterator[None]:
    """Hold the lock of a file, which is created if missing, with the holder's pid in it.

    Raises BusyError with that pid, and ConfigError where the file can't be opened.
    """
    make_run_dir(path.parent)
    try:
        file = path.open("ab+", buffering=0)
    except OSError as error:
        raise ConfigError(f"{path}: can't be opened: {why_refused(error, path)}") from None
    with file:
        try:
            for pause_s in _attempts(file.fileno(), timeout_s, LONGEST_PAUSE_S):
                time.sleep(pause_s)
        except TimeoutError:
            holder = os.pread(file.fileno(), 32, 0).decode() or "unknown"
            raise BusyError(
                f"another feedd command (pid {holder}) has held {path} for more than "
                f"{timeout_s:g} s; try again when it is done"
            ) from None
        with contextlib.suppress(OSError):  # a full disk; the pid is only for error messages
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), b"%d" % os.getpid())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                # Before the lock is released: the next holder writes its own pid.
                os.ftruncate(file.fileno(), 0)


@asynccontextmanager
async def file_lock_on_loop(path: Path, timeout_s: float) -> AsyncIterator[int]:
    """Hold the lock of a file without blocking the event loop, and yield the file's descriptor.

    The file is created if missing. Raises LimitError where another process holds the lock for
    longer, SourceError where the file can't be opened.
    """
    import asyncio  # noqa: PLC0415  commands that only wait need not load it

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SourceError(f"{path}: can't be opened: {error.strerror}") from None
    try:
        try:
            for pause_s in _attempts(descriptor, timeout_s, LONGEST_PAUSE_ON_LOOP_S):
                await asyncio.sleep(pause_s)
        except TimeoutError:
            raise LimitError(
                f"{path}: another process has held it for {timeout_s:g} s; is it stopped?", 0.0
            ) from None
        yield descriptor
    finally:
        os.close(descriptor)


def _attempts(descriptor: int, timeout_s: float, longest_pause_s: float) -> Iterator[float]:
    """Try to lock a file until it is locked, and yield the pause before each further attempt.

    Raises TimeoutError.
    """
    deadline_s, pause_s = time.monotonic() + timeout_s, FIRST_PAUSE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise TimeoutError from None
        else:
            return
        yield pause_s * random.uniform(0.5, 1.0)  # noqa: S311  no secret
        pause_s = min(2.0 * pause_s, longest_pause_s)

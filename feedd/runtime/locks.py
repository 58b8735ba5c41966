"""Locks between processes: the kernel lets go of one when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.errors import ConfigError, FeeddError
from feedd.runtime.files import make_run_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

COMMAND = Path("run/command.lock")
TIMEOUT_S = 30.0  # a stop that is slow at every step takes as long


class BusyError(FeeddError):
    """Another process holds a lock, and still does after the wait."""


def command_lock(root: Path, timeout_s: float = TIMEOUT_S) -> AbstractContextManager[None]:
    """Hold the one lock of a project under which what runs is changed.

    It is not held while a command waits for its feeds: that may take a minute.
    """
    return file_lock(root / COMMAND, timeout_s)


@contextmanager
def file_lock(path: Path, timeout_s: float = TIMEOUT_S) -> Iterator[None]:
    """Hold the lock of a file, which is made if need be; raise BusyError with the holder's pid."""
    make_run_dir(path.parent)
    deadline = time.monotonic() + timeout_s
    try:
        file = path.open("ab+", buffering=0)
    except OSError as error:
        raise ConfigError(f"{path}: can't be opened: {error.strerror}") from None
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    holder = os.pread(file.fileno(), 32, 0).decode() or "unknown"
                    raise BusyError(
                        f"another feedd command (pid {holder}) holds {path} for more than "
                        f"{timeout_s:g} s; try again when it is done"
                    ) from None
            time.sleep(0.02)
        with contextlib.suppress(OSError):  # a full disk; the pid is for others' errors only
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), b"%d" % os.getpid())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(
                    file.fileno(), 0
                )  # while it is still ours: the next holder writes its own

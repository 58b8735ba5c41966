"""Small files that several processes read: replaced at once or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from feedd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def write_atomically(path: Path, text: str | bytes) -> None:
    """Replace a file at once: whoever reads it sees the old text or the new one, in UTF-8.

    Raises ConfigError where it can't be written.
    """
    make_run_dir(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(text.encode() if isinstance(text, str) else text)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{path}: can't be written: {error.strerror}") from None


def make_run_dir(path: Path) -> None:
    """Make the folder of sockets, pids and caches, which nobody else may enter.

    Raises ConfigError where it can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{path}: the folder can't be made: {error.strerror}") from None


def next_session(path: Path, now_ms: int) -> int:
    """Return a session number above every earlier one: the time in ms, or one more than the last.

    The file holds the last one, so that a clock that was set back doesn't set sessions back.
    Raises ConfigError where it can't be written.
    """
    try:
        last = int(path.read_text())
    except (OSError, ValueError):
        last = 0
    session = max(now_ms, last + 1)
    write_atomically(path, str(session))
    return session

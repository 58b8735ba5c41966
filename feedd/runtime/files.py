"""Atomic replacement of small files that several processes read."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

import structlog

from feedd.errors import ConfigError
from feedd.runtime.owners import why_refused

if TYPE_CHECKING:
    from pathlib import Path

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_log = structlog.get_logger()


def write_atomically(path: Path, text: str | bytes) -> None:
    """Replace a file atomically, in UTF-8, and make its folder if it is missing.

    Readers get the old text or the new one. Raises ConfigError if it can't be written.
    """
    make_run_dir(path.parent)
    replace_atomically(path, text)


def replace_atomically(path: Path, text: str | bytes) -> None:
    """Replace a file atomically, as `write_atomically`, in a folder that exists.

    What is written again and again uses this: a run directory that was renamed or removed while
    its processes run is not made again beside it.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(text.encode() if isinstance(text, str) else text)
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise ConfigError(f"{path}: can't be written: {why_refused(error, path)}") from error


def replace_user_file(path: Path, text: str) -> None:
    """Replace a user's file atomically; it keeps its mode and owner, and links to it stay links.

    Raises ConfigError if it can't be written; the file is then unchanged.
    """
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        before = target.stat()
        draft.write_bytes(text.encode())
        draft.chmod(before.st_mode & 0o7777)
        if (before.st_uid, before.st_gid) != (draft.stat().st_uid, draft.stat().st_gid):
            os.chown(draft, before.st_uid, before.st_gid)
        draft.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise ConfigError(f"{path}: can't be written: {why_refused(error, path)}") from None


def make_run_dir(path: Path) -> None:
    """Make the folder of sockets, pids and caches, with access for its owner only.

    Raises ConfigError if it can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reason = why_refused(error, path)
        raise ConfigError(f"{path}: the folder can't be made: {reason}") from None


def next_session(path: Path, now_ms: int) -> int:
    """Return a session number above every earlier one: the time in ms, or one more than the last.

    The file holds the last one, so that sessions grow even if the clock was set back. Raises
    ConfigError if it can't be written, except on a full disk: that may pass, and is only logged.
    """
    try:
        last = int(path.read_text())
    except (OSError, ValueError):
        last = 0
    session = max(now_ms, last + 1)
    try:
        write_atomically(path, str(session))
    except ConfigError as error:
        if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in DISK_FULL:
            raise
        _log.warning("can't write the session's number", why=str(error))
    return session

"""Recorder status: written once a second to a small file, which `feedd status` reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from feedd.errors import ConfigError
from feedd.runtime.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

FILE = "recorder.json"  # below run_dir
MAX_BYTES = 4000  # within one file system block, which the file already has


class RecorderStatus(Struct, frozen=True, kw_only=True):
    """Status of a recorder; times are since the epoch, in ns.

    `messages` and `bytes` were written since its start, `lost` records could not be written.
    `failing` is what can't be written now, and why.
    """

    pid: int
    at_ns: int
    since_ns: int
    dir: str
    messages: int
    messages_per_s: float
    bytes: int
    lost: int
    failing: str | None


def write_status(status: RecorderStatus, path: Path) -> None:
    """Replace the file atomically; if the disk is full, overwrite it in place.

    Raises ConfigError if both fail.
    """
    text = msgspec.json.encode(status)
    try:
        write_atomically(path, text)
    except ConfigError:
        if not _overwrite(path, text):
            raise


def _overwrite(path: Path, text: bytes) -> bool:
    """Overwrite a file in place, which needs no free space; return whether it worked."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        size = os.fstat(file).st_size
        padded = text.ljust(size) if size <= MAX_BYTES else text
        return len(padded) <= MAX_BYTES and os.pwrite(file, padded, 0) == len(padded)
    except OSError:
        return False
    finally:
        os.close(file)


def read_status(path: Path) -> RecorderStatus | None:
    """Return the last status; None if there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=RecorderStatus)
    except (OSError, msgspec.MsgspecError):
        return None

"""What the recorder says of itself once a second, in a small file: `feedd status` reads it."""

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
MOST_BYTES = 4000  # within a file system's block, which the file has already


class RecorderStatus(Struct, frozen=True, kw_only=True):
    """How a recorder fares; times are since the epoch, in ns.

    `messages` and `bytes` are what it has written since it began, `lost` the records that it could
    not write. `failing` says what can't be written now, and why.
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
    """Replace the file at once; on a full disk, write over what is there.

    Raises ConfigError where neither can be.
    """
    text = msgspec.json.encode(status)
    try:
        write_atomically(path, text)
    except ConfigError:
        if not _written_over(path, text):
            raise


def _written_over(path: Path, text: bytes) -> bool:
    """Write into a file as it is: that needs no room."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        size = os.fstat(file).st_size
        padded = text.ljust(size) if size <= MOST_BYTES else text
        return len(padded) <= MOST_BYTES and os.pwrite(file, padded, 0) == len(padded)
    except OSError:
        return False
    finally:
        os.close(file)


def read_status(path: Path) -> RecorderStatus | None:
    """Return what a recorder said last; None where none did."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=RecorderStatus)
    except (OSError, msgspec.MsgspecError):
        return None

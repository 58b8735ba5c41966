"""Status file of a process: small, replaced once a second, read by the other processes.

A reader checks `pid` and `at_ns`: the file of a process that has ended stays.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct

from feedd.errors import ConfigError
from feedd.runtime.files import replace_atomically

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4000  # within one file system block, which the file already has

S = TypeVar("S", bound=Struct)


def write_status(status: Struct, path: Path) -> None:
    """Replace the file atomically; if the disk is full, overwrite it in place.

    Raises ConfigError if both fail.
    """
    text = msgspec.json.encode(status)
    try:
        replace_atomically(path, text)
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


def read_status(path: Path, kind: type[S]) -> S | None:
    """Return the last status; None if there is none, or it is damaged."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_BYTES), type=kind)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        return None

"""Paths of segments: a folder per exchange and day, a file per segment."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_DAY, NS_PER_MS, NS_PER_S
from feedd.recordings.format.segment_schema import SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = "other"  # folder of topics whose exchange's name is not a valid folder name


def exchange_of(name: str) -> str:
    """Return the name of the exchange's folder for a feed, `<exchange>.<symbol>.`.

    Names come from publishers: a name that could lead out of the folder is not used.
    """
    exchange = name.partition(".")[0]
    return exchange if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", exchange) else OTHERS


def segment_path(root: Path, exchange: str, begun_ns: int) -> Path:
    """Return `<exchange>/<YYYY-MM-DD>/<HH-MM-SS.mmm>Z.feedd`, in UTC."""
    seconds, ns = divmod(begun_ns, NS_PER_S)
    day, second = time.strftime("%Y-%m-%d %H-%M-%S", time.gmtime(seconds)).split()
    return root / exchange / day / f"{second}.{ns // NS_PER_MS:03d}Z{SUFFIX}"


def next_midnight(now_ns: int) -> int:
    """Return the end of the day in UTC."""
    return (now_ns // NS_PER_DAY + 1) * NS_PER_DAY


def make_folder(path: Path) -> None:
    """Create a folder with its parents, and sync their entries to disk; raise OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Sync a folder's entries to disk; raise OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Where a series of segments lies: a folder for each exchange and day, a file for each segment."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_DAY, NS_PER_MS, NS_PER_S
from feedd.recordings.format.segment_schema import SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = "other"  # the folder of topics whose exchange has no name that a folder may have


def exchange_of(name: str) -> str:
    """Return the exchange's folder of a feed, `<exchange>.<symbol>.`.

    Names come from whoever publishes: one that could lead out of the folder is not taken.
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
    """Make a folder with its parents, so that it survives the machine; raise OSError in vain."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have a folder's entries survive the machine; raise OSError in vain."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""A window as the bytes of its file.

A record always has the same size, at most a page, and is written over the last one with one
`pwrite`: the kernel copies a page whole, so that a killed process leaves the old record or the new
one. A checksum detects any other change.
"""

from __future__ import annotations

import functools
import zlib
from pathlib import Path

import msgspec

from feedd.sources.limits.window import Window
from feedd.venues.limits import PAUSE_AT_MOST_S, RateLimit

SIZE = 4096  # bytes: a page
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Record(msgspec.Struct, frozen=True):
    boot: str
    slot_s: float
    spent: list[tuple[int, float]]
    blocked_until_s: float
    why: str
    unit: str = ""  # this and the following: for readers that do not know the exchange's limits
    most: float | None = None
    window_s: float | None = None


@functools.cache
def boot_id() -> str:
    """Return the id of this boot: the monotonic clock restarts with each.

    Where there is none (macOS) it is "": a record of the last boot is then from the future, and
    counts as used up.
    """
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def encode(window: Window, boot: str, unit: str = "") -> bytes:
    """Return the record of a window, whose limit counts in `unit`."""
    most, window_s, _ = window.limit or (None, None, 0)
    slot_s = 0.0 if window.limit is None else window.limit.slot_s
    spent = sorted(window.spent.items())
    body = msgspec.json.encode(
        _Record(boot, slot_s, spent, window.blocked_until_s, window.why, unit, most, window_s)
    )
    record = b"%08x %s\n" % (zlib.crc32(body), body)
    if len(record) > SIZE:
        raise ValueError(f"a record has {len(record)} bytes, which are more than {SIZE}")
    return record.ljust(SIZE)


def decode(record: bytes, limit: RateLimit | None, boot: str, now_s: float) -> Window:
    """Return the window of a record.

    An empty one was never written, and one of an earlier boot has expired: nothing was spent. One
    that is damaged, or from the future, counts as used up for one window: the spending is unknown,
    and expires after that time.
    """
    if not record:
        return Window(limit)
    used_up = Window(limit)
    used_up.use_up(now_s)
    read = _read(record)
    if read is None:
        return used_up
    if read.boot != boot:
        return Window(limit)
    if read.blocked_until_s > now_s + PAUSE_AT_MOST_S:
        return used_up
    window = Window(limit, {}, read.blocked_until_s, read.why)
    if limit is None:
        return window
    for slot, count in read.spent:
        # Another version may have had slots of another length; `0.5` is the middle of its slot.
        now_in = slot if read.slot_s == limit.slot_s else (slot + 0.5) * read.slot_s // limit.slot_s
        if now_in * limit.slot_s > now_s:
            return used_up
        window.spent[int(now_in)] = window.spent.get(int(now_in), 0.0) + count
    return window


def decode_described(record: bytes, boot: str, now_s: float) -> tuple[Window, str] | None:
    """Return the window of a record with its own limit, and the unit of that; None if damaged."""
    read = _read(record)
    if read is None:
        return None
    limit = None
    if read.most is not None and read.window_s and read.slot_s > 0:
        limit = RateLimit(read.most, read.window_s, max(1, round(read.window_s / read.slot_s)))
    return decode(record, limit, boot, now_s), read.unit


def _read(record: bytes) -> _Record | None:
    """Return the content of a record; None if it is damaged."""
    checksum, _, body = record.rstrip().partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        return msgspec.json.decode(body, type=_Record)
    except msgspec.MsgspecError:
        return None

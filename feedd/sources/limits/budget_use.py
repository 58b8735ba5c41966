"""Use of the limits that all processes of the machine share, for monitors.

Read without a lock: a record is written at once, so that no worker waits for a reader.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from feedd.sources.limits import window_file as record
from feedd.sources.limits.shared_budget import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILES = 500
_NAME = re.compile(r"(?P<exchange>.+?)-(?P<kind>weight|connects)(?:-(?P<address>.+))?")


class BudgetUse(Struct, frozen=True):
    """Use of one limit of an exchange.

    `kind` is `weight`, of requests, or `connects`. `address` is that of a source other than the
    exchange's own. `used` and `limit` count in `unit` within `period_s`; `limit` is the part of the
    exchange's limit that feedd uses. They are None where no limit is known, where only pauses
    apply, and while the file is damaged: then `damaged` is True, and workers wait for one period.
    A pause that the exchange requested lasts `paused_s` more, for the reason `why`.
    """

    exchange: str
    kind: str
    address: str | None
    unit: str | None
    used: float | None
    limit: float | None
    period_s: float | None
    paused_s: float
    why: str | None
    damaged: bool


def budget_use(run_dir: Path, now_s: float) -> list[BudgetUse]:
    """Return the use of each limit that has a file, by name; `now_s` is the monotonic clock's."""
    return [
        use
        for path in sorted(islice(_files(run_dir / FOLDER), MAX_FILES))
        if (use := _read(path, now_s)) is not None
    ]


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:  # no worker has created it so far
        return


def _read(path: Path, now_s: float) -> BudgetUse | None:
    """Return the use in a file; None if it is not a limit's, or was not written so far."""
    name = _NAME.fullmatch(path.name)
    if name is None:
        return None
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        content = os.pread(file, record.SIZE, 0)
    except OSError:  # a folder
        return None
    finally:
        os.close(file)
    if not content:
        return None
    found = record.decode_described(content, record.boot_id(), now_s)
    if found is None:
        return BudgetUse(**name.groupdict(), unit=None, used=None, limit=None, period_s=None,
                         paused_s=0.0, why=None, damaged=True)  # fmt: skip
    window, unit = found
    limit = window.limit
    paused_s = max(0.0, window.blocked_until_s - now_s)
    return BudgetUse(
        **name.groupdict(),
        unit=unit.removeprefix("of ") or None,
        used=None if limit is None else round(window.used(now_s), 3),
        limit=None if limit is None else limit.most,
        period_s=None if limit is None else limit.window_s,
        paused_s=round(paused_s, 1),
        why=window.why if paused_s else None,
        damaged=False,
    )

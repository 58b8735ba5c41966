"""The start that all replayed symbols of one daemon share, so that they stay in step.

It stands in a file of run_dir, by the monotonic clock, which is one for all processes of a machine.
The first worker writes it, some seconds ahead so that all have come up by then; whoever starts
later, or again, joins. It counts for one life of supervisord, for the same settings, and until all
is played: then the next worker to start begins anew.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil
from msgspec import Struct

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.runtime.files import write_atomically
from feedd.runtime.locks import file_lock

if TYPE_CHECKING:
    from feedd.config.settings import Config
    from feedd.recordings.replay.schedule import Schedule

FILE = "replay.start"
LOCK = "replay.lock"
LEAD_S, LEAD_PER_FEED_S = 2.0, 0.2


class CommonStart(Struct, frozen=True):
    """When a replay starts, by both clocks; `wall_ns` is what sessions are moved by."""

    life: str
    of: str
    monotonic_ns: int
    wall_ns: int

    def shift_ms(self, schedule: Schedule) -> int:
        """Return how far the recording's beginning lies before the start."""
        return (self.wall_ns - schedule.span.begin_ns) // NS_PER_MS


def soon(life: str, of: str, lead_s: float) -> CommonStart:
    """Return a start so far ahead."""
    lead_ns = int(lead_s * NS_PER_S)
    return CommonStart(life, of, time.monotonic_ns() + lead_ns, time.time_ns() + lead_ns)


def join(settings: Config, schedule: Schedule) -> CommonStart:
    """Return the common start, a new one if need be."""
    feeds = sum(feed.source == "replay" for feed in settings.feeds())
    life, of = _life(), msgspec.json.encode(settings.replay).decode()
    lead_s = 0.0 if schedule.pace == 0 else LEAD_S + LEAD_PER_FEED_S * feeds
    path = Path(settings.run_dir, FILE)
    with file_lock(Path(settings.run_dir, LOCK)):
        start = _read(path)
        ended = start is None or (
            not (settings.replay is not None and settings.replay.loop)
            and time.monotonic_ns() > start.monotonic_ns + schedule.pass_ns
        )
        if start is None or ended or (start.life, start.of) != (life, of):
            start = soon(life, of, lead_s)
            write_atomically(path, msgspec.json.encode(start))
    return start


def _read(path: Path) -> CommonStart | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=CommonStart)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None  # there is none, or none that could be joined


def _life() -> str:
    """Return what tells one life of supervisord, or of whoever started this, from others.

    The hash is of the pid and of when it started since boot; `create_time()` is by the wall clock,
    and another one when that is set.
    """
    parent = psutil.Process(os.getppid())
    return f"{parent.pid} {hash(parent)}"

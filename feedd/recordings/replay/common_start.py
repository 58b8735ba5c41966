"""Common start of all replayed symbols of one daemon, so that they stay in step.

It is in a file in run_dir, by the monotonic clock, which all processes of a machine share. The
first worker writes it, some seconds ahead so that all workers are up by then. A worker that starts
later, or restarts, joins. It is valid for one run of supervisord, for the same settings, and until
everything is played: then the next worker to start writes a new one.
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
    """Start of a replay, by both clocks; `wall_ns` determines the shift of sessions."""

    life: str  # of supervisord
    of: str  # settings
    monotonic_ns: int
    wall_ns: int

    def shift_ms(self, schedule: Schedule) -> int:
        """Return the time from the recording's begin to the start, in ms."""
        return (self.wall_ns - schedule.span.begin_ns) // NS_PER_MS


def soon(life: str, of: str, lead_s: float) -> CommonStart:
    """Return a start `lead_s` ahead."""
    lead_ns = int(lead_s * NS_PER_S)
    return CommonStart(life, of, time.monotonic_ns() + lead_ns, time.time_ns() + lead_ns)


def join(settings: Config, schedule: Schedule) -> CommonStart:
    """Return the common start, a new one if there is none to join."""
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
        return None  # there is none, or it is invalid


def _life() -> str:
    """Return an identifier of one run of supervisord, or of another parent process.

    The hash is of the pid and of the start time since boot; `create_time()` is by the wall clock,
    and changes when the clock is set.
    """
    parent = psutil.Process(os.getppid())
    return f"{parent.pid} {hash(parent)}"

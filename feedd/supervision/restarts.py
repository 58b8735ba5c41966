"""Unrequested restarts of each process: since supervisord started, and in the last hour.

supervisord counts none. Its event PROCESS_STATE_STARTING has the state before: STOPPED at the first
start and after an operator's stop, another one after the process had ended by itself or was killed.
The watchdog counts them and keeps the counts in a file, so that they survive its own restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from feedd.runtime.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

FILE = "restarts.json"  # below run_dir
STARTING = "PROCESS_STATE_STARTING"
ASKED_FOR = "STOPPED"  # the state before a requested start
MINUTES = 60
SAME_START_S = 60.0  # a start is read to the second, and the clock may be set


class Restarts(Struct):
    """Restarts of one process; `minutes` maps a minute since the epoch to those within it."""

    total: int = 0
    minutes: dict[int, int] = {}

    def add(self, now_s: float) -> None:
        """Count one, and forget those of more than an hour ago."""
        minute = int(now_s // 60)
        self.total += 1
        self.minutes[minute] = self.minutes.get(minute, 0) + 1
        self.minutes = {at: n for at, n in self.minutes.items() if at > minute - MINUTES}

    def last_hour(self, now_s: float) -> int:
        """Return how many there were in the last 60 minutes, to the minute."""
        minute = int(now_s // 60)
        return sum(count for at, count in self.minutes.items() if at > minute - MINUTES)


class RestartCounts(Struct):
    """Restarts by process, under the supervisord with pid `daemon`, which started at `since_s`.

    `serial` is the number of the last event counted: supervisord sends an event again if the
    watchdog ended before it confirmed it.
    """

    daemon: int
    since_s: float
    serial: int = -1
    processes: dict[str, Restarts] = {}

    def started(self, name: str, before: str, serial: int, now_s: float) -> bool:
        """Take the start of a process; return whether it was an unrequested restart."""
        if serial <= self.serial:
            return False
        self.serial = serial
        if before == ASKED_FOR:
            return False
        self.processes.setdefault(name, Restarts()).add(now_s)
        return True


def write_counts(counts: RestartCounts, path: Path) -> None:
    """Replace the file atomically; raise ConfigError if it can't be written."""
    write_atomically(path, msgspec.json.encode(counts))


def read_counts(path: Path, daemon: int, since_s: float | None = None) -> RestartCounts | None:
    """Return the counts under a supervisord, by its pid and its start; None if there are none."""
    counts = read_last_counts(path)
    if counts is None:
        return None
    same = since_s is None or abs(counts.since_s - since_s) < SAME_START_S
    return counts if counts.daemon == daemon and same else None


def read_last_counts(path: Path) -> RestartCounts | None:
    """Return the counts under the last supervisord that used the file, whether or not it runs."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=RestartCounts)
    except (OSError, msgspec.MsgspecError):
        return None

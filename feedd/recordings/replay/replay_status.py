"""Replay status: written once a second to a small file, which `feedd status` reads.

The recorded statuses have the rates of the recording, and not those of the replay.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from feedd.recordings.format.timestamps import iso
from feedd.runtime.files import replace_atomically

if TYPE_CHECKING:
    from feedd.recordings.replay.player import Player
    from feedd.recordings.replay.schedule import Schedule

EVERY_S = 1.0


class ReplayStatus(Struct, frozen=True, kw_only=True):
    """Progress of a symbol's replay; `at_ns` is the recording's clock, 0 before the first message.

    `messages_per_s` is since the last report; `blocked` is whether a subscriber holds it up.
    """

    pid: int
    begin_ns: int
    end_ns: int
    at_ns: int
    passes: int
    messages: int
    messages_per_s: float
    blocked: bool

    @property
    def percent(self) -> float:
        """How much of the recording's time is played, in the current pass."""
        length_ns = max(1, self.end_ns - self.begin_ns)
        return min(100.0, max(0.0, 100 * (self.at_ns - self.begin_ns) / length_ns))

    @property
    def text(self) -> str:
        """The progress in a few words."""
        if not self.at_ns:
            return "0 % played"
        number = f" of pass {self.passes + 1}" if self.passes else ""
        waits = ", waits for a subscriber" if self.blocked else ""
        return f"{self.percent:.0f} %{number} played, at {iso(self.at_ns)}{waits}"


class ReplayReports:
    """Writes a player's progress to a file."""

    def __init__(self, player: Player, schedule: Schedule, path: Path) -> None:
        self._player = player
        self._span = schedule.span
        self._path = path
        self._written_s = time.monotonic()
        self._messages = 0

    def write(self) -> None:
        """Write the progress; raise ConfigError if that is not possible."""
        player, now_s = self._player, time.monotonic()
        passed_s = max(now_s - self._written_s, 1e-3)
        rate = (player.sent - self._messages) / passed_s
        self._written_s, self._messages = now_s, player.sent
        status = ReplayStatus(
            pid=os.getpid(), begin_ns=self._span.begin_ns, end_ns=self._span.end_ns,
            at_ns=player.at_ns, passes=player.passes, messages=player.sent,
            messages_per_s=round(rate, 1), blocked=player.blocked_s is not None,
        )  # fmt: skip
        replace_atomically(self._path, msgspec.json.encode(status))


def status_path(run_dir: str, program: str) -> Path:
    """Return the file of a symbol's replay."""
    return Path(run_dir, f"replay-{program}.json")


def read_status(run_dir: str, program: str) -> ReplayStatus | None:
    """Return the last status of a symbol's replay; None if there is none."""
    try:
        return msgspec.json.decode(status_path(run_dir, program).read_bytes(), type=ReplayStatus)
    except (OSError, msgspec.MsgspecError):
        return None

"""Progress of a foreground replay on standard error: a bar on a terminal, otherwise lines."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

from feedd.clock import NS_PER_S

if TYPE_CHECKING:
    from feedd.recordings.replay.player import Player
    from feedd.recordings.replay.schedule import Schedule

LINE_EVERY_S = 10.0
BLOCKED_S = 2.0  # a subscriber that blocks the replay this long is reported
_BAR = "{l_bar}{bar}| {n:.0f}/{total:.0f} s [{elapsed}<{remaining}{postfix}]"


class ReplayProgress:
    """Shows a player's progress at each call of `update`; a context manager.

    Progress is the recording's time; in a loop, that of the current pass.
    """

    def __init__(self, player: Player, schedule: Schedule) -> None:
        self._player = player
        self._begin_ns = schedule.span.begin_ns
        self._length_s = schedule.span.length_ns / NS_PER_S
        self._pace = schedule.pace
        self._began_s = self._printed_s = time.monotonic()
        self._passes = 0
        self._bar: Any = None
        if sys.stderr.isatty():
            from tqdm import tqdm  # noqa: PLC0415  other commands do not need it

            self._bar = tqdm(
                total=self._length_s, bar_format=_BAR, dynamic_ncols=True, file=sys.stderr
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self.update()
            self._bar.close()

    def update(self) -> None:
        """Show the current progress."""
        player = self._player
        passed_s = max(0.0, (player.at_ns - self._begin_ns) / NS_PER_S) if player.sent else 0.0
        blocked_s = player.blocked_s
        waits = blocked_s is not None and time.monotonic() - blocked_s > BLOCKED_S
        if self._bar is not None:
            if player.passes != self._passes:
                self._passes = player.passes
                self._bar.reset()
            self._bar.set_postfix_str(_text(player, waits=waits), refresh=False)
            self._bar.update(passed_s - self._bar.n)
        elif time.monotonic() - self._printed_s >= LINE_EVERY_S:
            self._printed_s = time.monotonic()
            print(
                f"replayed {passed_s:,.0f} of {self._length_s:,.0f} s, {_text(player, waits=waits)}"
                f"{self._left(passed_s)}",
                file=sys.stderr,
                flush=True,
            )

    def _left(self, passed_s: float) -> str:
        if passed_s <= 0:
            return ""
        rate = self._pace or passed_s / (time.monotonic() - self._began_s)
        return f"; {(self._length_s - passed_s) / rate:,.0f} s left"


def _text(player: Player, *, waits: bool) -> str:
    passes = f" in pass {player.passes + 1}" if player.passes else ""
    waiting = "; waiting for a subscriber that does not receive" if waits else ""
    return f"{player.sent:,} messages{passes}{waiting}"

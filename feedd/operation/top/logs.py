"""Tail of a process's log, read in a thread: a disk that hangs does not stop the screen."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from feedd.errors import FeeddError
from feedd.operation.follow import LogFollower, selected_processes
from feedd.operation.top.columns import PLAIN, Cell
from feedd.runtime import secrets
from feedd.runtime.logs.lines import readable
from feedd.runtime.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from feedd.operation.top.lines import Line
    from feedd.runtime.logs.lines import LogLine

FIRST_LINES = 200
MOST_WAITING = 5_000
POLL_EVERY_S = 0.25
AT_COLUMNS = 23  # the time of a readable line
LEVEL_COLUMNS = 9
STYLES = {"critical": "bold red", "error": "red", "stderr": "red", "warning": "yellow",
          "info": "green", "debug": "dim"}  # fmt: skip


class LogTail:
    """The last lines of a process's log, and what is added to it."""

    def __init__(self, folders: Sequence[Path], name: str) -> None:
        self.error: str | None = None
        self._folders = folders
        self._name = name
        self._lines: deque[Line] = deque(maxlen=MOST_WAITING)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    def end(self) -> None:
        """End; does not wait for it."""
        self._ends.set()

    def take(self) -> list[Line]:
        """Return the lines read since the last call."""
        return [self._lines.popleft() for _ in range(len(self._lines))]

    def _run(self) -> None:
        follower = None
        while not self._ends.is_set():
            try:
                if follower is None:
                    names = selected_processes([self._name], self._folders, None)
                    follower = LogFollower(self._folders, names)
                    lines = follower.last(FIRST_LINES)
                else:
                    lines = follower.poll()
                self.error = None
            except FeeddError as error:
                lines, self.error = [], str(error)
            self._lines.extend(log_line(line, self._name) for line in lines)
            if follower is None or not follower.behind:
                self._ends.wait(POLL_EVERY_S)


def log_line(line: LogLine, own: str = "") -> Line:
    """Return a log's line for the screen: its time dim, its level coloured.

    The process is named where it is not `own`, e.g. in supervisord's lines on it.
    """
    text = printable(secrets.redact(readable(line, coloured=False)).replace("\t", " "))
    at, level = text[:AT_COLUMNS], text[AT_COLUMNS : AT_COLUMNS + 1 + LEVEL_COLUMNS]
    event = text[AT_COLUMNS + 1 + LEVEL_COLUMNS :].removeprefix(f"{own} ")
    return (
        Cell(at, "dim"),
        Cell(level, STYLES.get(line.level, PLAIN)),
        Cell(event, "red" if line.level in {"error", "critical"} else PLAIN),
    )

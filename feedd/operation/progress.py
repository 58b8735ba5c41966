"""Progress while processes come up: each change with few feeds, counts with many."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self, TextIO

    from feedd.health.report import ProcessHealth, Report

FEW = 10  # feeds that get a line each
COMING_UP_S = 6.0  # until then, a feed without a status is not worth a line
COUNTS_EVERY_S = 1.5  # a report on many feeds takes 1.5 s if one of them is silent
LONG_S = 10.0  # a feed of many that is not well for so long is named

PrintLine = Callable[[str], object]
ENDED = frozenset({"EXITED", "FATAL"})
_COMING = frozenset({"silent", "starting"})
_CLEAR_LINE = "\r\x1b[K"  # ECMA-48: CR, EL


class Progress:
    """Prints what is new in each report; on a terminal, a line of counts overwrites the last.

    A context manager: at its end no line is left unfinished.
    """

    def __init__(self, print_line: PrintLine, feeds: int, terminal: TextIO | None = None) -> None:
        self._print_line = print_line
        self._many = feeds > FEW
        self._terminal = terminal or _terminal()
        self._printed: dict[str, tuple[str, str | None]] = {}
        self._unwell_since_s: dict[str, float] = {}
        self._counted_s = 0.0
        self._line_is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._line_is_open and self._terminal is not None:
            self._terminal.write("\n")
            self._terminal.flush()
            self._line_is_open = False

    def print(self, text: str) -> None:
        """Print another line."""
        if self._line_is_open and self._terminal is not None:
            self._terminal.write(_CLEAR_LINE)
            self._terminal.flush()
            self._line_is_open = False
        self._print_line(text)

    def update(self, report: Report, elapsed_s: float) -> None:
        """Print what is new in a report, `elapsed_s` after the start."""
        for process in report.processes:
            if self._is_news(process, elapsed_s):
                self._print_process(process, elapsed_s)
        if self._many and elapsed_s - self._counted_s >= COUNTS_EVERY_S:
            self._counted_s = elapsed_s
            self._print_counts(report, elapsed_s)

    def _is_news(self, process: ProcessHealth, elapsed_s: float) -> bool:
        coming = process.state in _COMING or process.process == "STARTING"
        if not self._many:
            return not coming or elapsed_s >= COMING_UP_S
        if process.healthy or _count_name(process) == "starting":
            self._unwell_since_s.pop(process.name, None)
            return False
        since_s = self._unwell_since_s.setdefault(process.name, elapsed_s)
        return process.process in ENDED or elapsed_s - since_s >= LONG_S

    def _print_process(self, process: ProcessHealth, elapsed_s: float) -> None:
        now = (process.process, process.state)
        if self._printed.get(process.name) == now:
            return
        self._printed[process.name] = now
        why = f" ({process.reason})" if process.reason else ""
        self.print(f"{elapsed_s:5.1f} s  {process.name}: {process.condition}{why}")

    def _print_counts(self, report: Report, elapsed_s: float) -> None:
        line = f"{elapsed_s:5.1f} s  {counts(report)}"
        if self._terminal is None:
            self._print_line(line)
        else:
            self._terminal.write(f"{_CLEAR_LINE}{line}")
            self._terminal.flush()
            self._line_is_open = True


def counts(report: Report) -> str:
    """Return how many feeds there are of each state, e.g. `2 of 3 feeds live, 1 starting`."""
    live = sum(feed.healthy for feed in report.feeds)
    rest = Counter(_count_name(feed) for feed in report.feeds if not feed.healthy)
    others = "".join(f", {count} {state}" for state, count in rest.most_common())
    return f"{live} of {len(report.feeds)} feeds live{others}"


def _count_name(process: ProcessHealth) -> str:
    """Return the word under which a process that is not well is counted."""
    if process.process in ENDED:
        return "ended"
    if process.process == "STARTING" or process.state in _COMING:
        return "starting"
    if process.state is None or process.state == "down":
        return process.process.lower()
    return process.state


def _terminal() -> TextIO | None:
    """Return standard output where it is a terminal on which a line can be overwritten."""
    dumb = os.environ.get("TERM", "dumb") == "dumb"
    return sys.stdout if sys.stdout.isatty() and not dumb else None

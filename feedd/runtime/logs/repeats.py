"""Rate limit of repeated warnings: the first are written, the others counted."""

from __future__ import annotations

import sys
import threading
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from structlog import DropEvent

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from feedd.clock import Clock

GRAVE = frozenset({"warning", "error", "critical"})
FIRST = 5
WINDOW_S = 60.0
KINDS = 1000  # windows at a time; beyond that the oldest is closed early


@dataclass(slots=True)
class _Window:
    level: str
    opened_s: float
    seen: int = 1
    last: EventDict | None = None  # the last event that was not written


class RepeatFilter:
    """structlog processor: passes `first` lines of one level and event in `window_s`.

    The others become one line when the window is over: the fields of the last, `repeated` and
    `within_s`. `summaries` returns it, and is called by a timer.
    """

    def __init__(
        self, clock: Clock, first: int = FIRST, window_s: float = WINDOW_S, kinds: int = KINDS
    ) -> None:
        self._clock = clock
        self._first = first
        self._window_s = window_s
        self._kinds = kinds
        self._windows: dict[tuple[str, Any], _Window] = {}  # the oldest first
        self._over: list[tuple[str, EventDict]] = []
        # A finalizer may log while this very thread holds it.
        self._lock = threading.RLock()

    def __call__(self, _logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
        """Return the event, or count it and raise DropEvent."""
        if level not in GRAVE:
            return event
        key = (level, str(event.get("event")))
        now_s = self._clock.monotonic_s()
        with self._lock:
            window = self._windows.get(key)
            if window is not None and now_s - window.opened_s >= self._window_s:
                self._close(key, now_s)
                window = None
            if window is None:
                if len(self._windows) >= self._kinds:
                    self._close(next(iter(self._windows)), now_s)
                self._windows[key] = _Window(level, now_s)
                return event
            window.seen += 1
            if window.seen <= self._first:
                return event
            window.last = _without_traceback(event)
        raise DropEvent

    def summaries(self, everything: bool = False) -> list[tuple[str, EventDict]]:
        """Return level and fields of one line for each window that is over.

        With `everything`, also for windows that are not over yet.
        """
        now_s = self._clock.monotonic_s()
        with self._lock:
            for key, window in list(self._windows.items()):
                if not everything and now_s - window.opened_s < self._window_s:
                    break
                self._close(key, now_s)
            over, self._over = self._over, []
        return over

    def _close(self, key: tuple[str, Any], now_s: float) -> None:
        window = self._windows.pop(key)
        if window.last is not None:
            within_s = min(self._window_s, now_s - window.opened_s)
            repeated = {"repeated": window.seen - self._first, "within_s": round(within_s)}
            self._over.append((window.level, {**window.last, **repeated}))


def _without_traceback(event: EventDict) -> EventDict:
    """Return an event without its traceback, which would keep its frames' objects alive.

    The lines that were written have the traceback of the same event.
    """
    given = event.pop("exc_info", None)
    if given:
        error = _error(given)
        if error is not None:
            event["exception"] = "".join(traceback.format_exception_only(error)).strip()
    return event


def _error(exc_info: Any) -> BaseException | None:
    """Return the error of what structlog takes as `exc_info`."""
    if isinstance(exc_info, BaseException):
        return exc_info
    found = exc_info if isinstance(exc_info, tuple) else sys.exc_info()
    error: BaseException | None = found[1]
    return error

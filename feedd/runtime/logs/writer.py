"""The thread that writes the log, so that a slow disk never blocks a worker."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_MS, iso8601

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from structlog.typing import EventDict

    from feedd.clock import Clock

QUEUED = 10_000  # lines
TICK_S = 1.0
FLUSH_S = 0.5
LOST = "log lines were lost"


class LogWriter:
    """Takes lines from any thread and writes them in one.

    `write` writes a line's bytes or raises OSError; `render` makes a line of a level and fields;
    `due` is called every `tick_s`, and with True at the end, and returns level and fields of lines
    that are due by time. Lines that can't be queued or written are counted, and the count is
    logged once writing works.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        render: Callable[[str, EventDict], bytes],
        due: Callable[[bool], Iterable[tuple[str, EventDict]]],
        clock: Clock,
        *,
        queued: int = QUEUED,
        tick_s: float = TICK_S,
    ) -> None:
        self._write = write
        self._render = render
        self._due = due
        self._clock = clock
        self._queued = queued
        self._tick_s = tick_s
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # A finalizer may log while this very thread holds it.
        self._lock = threading.RLock()
        self._ticked_s = clock.monotonic_s()
        self._lost = 0
        self._lost_since_ns = 0
        self._lost_why = ""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Queue a line; never blocks and never raises."""
        if self._queue.qsize() < self._queued:
            self._queue.put(line)
        else:
            self._lose(f"{self._queued} lines were waiting for the disk")

    def close(self, timeout_s: float = FLUSH_S) -> None:
        """Write queued and due lines, for up to `timeout_s`."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        going_on = True
        while going_on:
            try:
                going_on = self._step()
            except Exception as error:  # noqa: BLE001  a fault in one line must not end the log
                self._lose(repr(error))

    def _step(self) -> bool:
        """Write the next line, or lines that are due; return False after the last."""
        try:
            line = self._queue.get(timeout=self._tick_s)
        except queue.Empty:
            pass
        else:
            if line is None:
                self._tick(the_last=True)
                return False
            self._append(line)
        if self._clock.monotonic_s() - self._ticked_s >= self._tick_s:
            self._tick()
        return True

    def _tick(self, *, the_last: bool = False) -> None:
        self._ticked_s = self._clock.monotonic_s()
        for level, fields in self._due(the_last):
            self._append(self._render(level, fields))
        if self._lost:
            self._log_lost()

    def _append(self, line: bytes) -> None:
        try:
            self._write(line)
        except OSError as error:
            self._lose(error.strerror or str(error))

    def _lose(self, why: str) -> None:
        with self._lock:
            if not self._lost:
                self._lost_since_ns = self._clock.now_ns()
                self._lost_why = why
            self._lost += 1

    def _log_lost(self) -> None:
        """Try to log how many lines were lost, and restart the count."""
        with self._lock:
            lost, since_ns, why = self._lost, self._lost_since_ns, self._lost_why
        since = iso8601(since_ns // NS_PER_MS)
        try:
            self._write(
                self._render("warning", {"event": LOST, "lost": lost, "since": since, "why": why})
            )
        except OSError:
            return
        with self._lock:
            self._lost -= lost
            self._lost_since_ns = self._clock.now_ns()

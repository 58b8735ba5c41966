"""One limit of an exchange, shared by all processes that name the same file."""

from __future__ import annotations

import math
import os
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from feedd.clock import NS_PER_S, Clock
from feedd.errors import LimitError, SourceError
from feedd.runtime.files import DISK_FULL
from feedd.runtime.locks import file_lock_on_loop
from feedd.sources.limits import window_file as record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from feedd.sources.limits.window import Window
    from feedd.venues.limits import RateLimit

PATIENCE_S = 5.0  # a longer wait in total is an error, so that the feed can report it
_log = structlog.get_logger()
JITTER_S = 0.25  # so that waiting processes do not all send at once
LOCK_WITHIN_S = 5.0  # it is held for less than a millisecond


class Allowance:
    """Budget of `limit`; None: only pauses apply.

    Messages name the budget `name` and count in `unit`, e.g. "connections". The time is the
    monotonic clock's, which all processes share: steps of the wall clock don't matter.
    """

    def __init__(
        self, path: Path, name: str, unit: str, limit: RateLimit | None, clock: Clock | None = None
    ) -> None:
        self._path = path
        self._name = name
        self._unit = unit
        self._limit = limit
        self._clock = clock or Clock()

    async def take(self, cost: float = 1.0) -> None:
        """Spend, after a short wait where that is enough.

        Raises LimitError where it is not, and SourceError where the file can't be opened.
        """
        deadline_s = self._clock.monotonic_s() + PATIENCE_S
        while True:
            async with self._opened() as window:
                now_s = self._clock.monotonic_s()
                wait_s = window.wait_s(cost, now_s)
                if not wait_s:
                    window.spend(cost, now_s)
                    return
                text = self._refusal(window, wait_s, now_s)
            if now_s + wait_s > deadline_s:
                raise LimitError(text, wait_s)
            await self._clock.sleep(wait_s + random.uniform(0.0, JITTER_S))  # noqa: S311

    async def pause(self, seconds: float, why: str) -> None:
        """Block spending for that long; a pause is never shortened."""
        async with self._opened() as window:
            now_s = self._clock.monotonic_s()
            window.pause(now_s + seconds, why, now_s)

    async def raise_to(self, used: float) -> None:
        """Count at least the use that the exchange reports for this window."""
        async with self._opened() as window:
            window.raise_to(used, self._clock.monotonic_s())

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Window]:
        """Yield the window for a change without an await, and write it back."""
        async with file_lock_on_loop(self._path, LOCK_WITHIN_S) as file:
            try:
                read = os.pread(file, record.SIZE, 0)
                window = record.decode(
                    read, self._limit, record.boot_id(), self._clock.monotonic_s()
                )
                yield window
                os.pwrite(file, record.encode(window, record.boot_id(), self._unit), 0)
            except OSError as error:
                if error.errno not in DISK_FULL:
                    raise SourceError(f"{self._path}: can't be kept: {error.strerror}") from None
                # No worker stops for a full disk; each still keeps to the limits by itself.
                _log.warning("a limit can't be shared", file=str(self._path), why=error.strerror)

    def _refusal(self, window: Window, wait_s: float, now_s: float) -> str:
        if self._limit is None or window.blocked_until_s - now_s >= wait_s:
            until = time.gmtime(self._clock.now_ns() / NS_PER_S + wait_s)
            return (
                f"{self._name}: the exchange asked for a pause ({window.why}) until "
                f"{time.strftime('%H:%M:%S', until)} UTC; {math.ceil(wait_s)} s left"
            )
        most, window_s, _ = self._limit
        return (
            f"{self._name}: {most:g} {self._unit} in {window_s:g} s are used up on this machine; "
            f"the next is free in {math.ceil(wait_s)} s"
        )

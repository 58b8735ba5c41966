"""The ends of processes, as they happen: supervisord itself looks for them once a second.

It hears of an end at once, and starts the process anew only when its loop next goes round, up to a
second later (supervisor/supervisord.py, `runforever`: `transition` comes after `poll`). A call of
any kind makes it go round. So whoever sees an end by himself calls, and saves half a second of
data at the mean.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Deaths:
    """Calls `died` in the running loop when one of the processes has ended.

    By pidfd_open(2), of Linux only; elsewhere nothing is called, and all takes a second longer.
    """

    def __init__(self, died: Callable[[], None]) -> None:
        self._died = died
        self._descriptors: dict[int, int] = {}

    def watch(self, pids: Iterable[int]) -> None:
        """Watch these processes, and no others any longer."""
        pids = set(pids)
        for pid in self._descriptors.keys() - pids:
            self._forget(pid)
        for pid in pids - self._descriptors.keys():
            try:
                descriptor = os.pidfd_open(pid)
            except (AttributeError, OSError):  # another system; it has just ended; too many files
                continue
            self._descriptors[pid] = descriptor
            asyncio.get_running_loop().add_reader(descriptor, self._ended, pid)

    def close(self) -> None:
        """Watch none any longer."""
        self.watch(())

    def _ended(self, pid: int) -> None:
        self._forget(pid)
        self._died()

    def _forget(self, pid: int) -> None:
        descriptor = self._descriptors.pop(pid)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)

"""Proxy status: written once a second to a small file, for the gateway."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from feedd.errors import ConfigError
from feedd.runtime.recent_rate import RecentRate
from feedd.runtime.status_file import write_status
from feedd.transport.history_service import HistoryCounts  # noqa: TC001  msgspec reads it

if TYPE_CHECKING:
    from feedd.transport.history_service import HistoryService
    from feedd.transport.proxy import Proxy


class ProxyStatus(Struct, frozen=True, kw_only=True):
    """Status of a proxy; times are since the epoch, in ns.

    `messages` and `bytes` came from workers since its start and were forwarded. `subscribers` is
    the number of connections to its endpoint for subscribers now, `cut` how many of them it has cut
    off, and `refused` how many connections found no file descriptor left. `lossless` is of a
    replay.
    """

    pid: int
    at_ns: int
    since_ns: int
    lossless: bool
    messages: int
    bytes: int
    messages_per_s: float
    bytes_per_s: float
    subscribers: int
    cut: int
    refused: int
    history: HistoryCounts


class ProxyReports:
    """Writes a proxy's status to a file.

    A file that can't be written is logged once, until it can be again.
    """

    def __init__(
        self, proxy: Proxy, history: HistoryService, path: Path, *, lossless: bool = False
    ) -> None:
        self._proxy = proxy
        self._history = history
        self._path = path
        self._lossless = lossless
        self._since_ns = time.time_ns()
        self._messages_rate = RecentRate()
        self._bytes_rate = RecentRate()
        self._written = True

    def status(self) -> ProxyStatus:
        """Return the status; call it in the proxy's thread."""
        forwarded = self._proxy.statistics()
        now_s = time.monotonic()
        return ProxyStatus(
            pid=os.getpid(),
            at_ns=time.time_ns(),
            since_ns=self._since_ns,
            lossless=self._lossless,
            messages=forwarded.messages,
            bytes=forwarded.bytes,
            messages_per_s=round(self._messages_rate.per_s(now_s, forwarded.messages), 1),
            bytes_per_s=round(self._bytes_rate.per_s(now_s, forwarded.bytes), 1),
            subscribers=self._proxy.subscribers(),
            cut=self._proxy.guard.cut,
            refused=self._proxy.guard.refused,
            history=self._history.counts(),
        )

    def write(self, status: ProxyStatus) -> None:
        """Write a status, in a thread that may wait for a slow disk."""
        try:
            write_status(status, self._path)
        except ConfigError as error:
            if self._written:
                structlog.get_logger().warning("can't write the proxy's status", why=str(error))
            self._written = False
        else:
            self._written = True


def status_path(run_dir: str, name: str) -> Path:
    """Return the file of a proxy: `proxy` or `proxy-2`."""
    return Path(run_dir, f"{name}.json")

"""Health of the feeds behind a fan-out endpoint, from their statuses alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from feedd.health.report import FRESH_S, SILENT, UNKNOWN, ProcessHealth, Report, Usage
from feedd.transport.status_monitor import StatusMonitor

if TYPE_CHECKING:
    from collections.abc import Collection

    from feedd.config.settings import Config
    from feedd.transport.status_monitor import ReceivedStatus

HEARTBEATS_S = 2.0  # a feed publishes its status once a second; connecting takes some time, too


class EndpointMonitor:
    """Reports on every feed that publishes a status; a context manager.

    A feed that has published nothing is unknown here, and so is every process but the feeds.
    """

    def __init__(self, config: Config) -> None:
        self._fan_outs = config.fan_outs()
        self._statuses = StatusMonitor(self._fan_outs, ())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._statuses.close()

    def report(self, timeout_s: float = HEARTBEATS_S) -> Report:
        """Return the current health; waits for `timeout_s` until a status has arrived."""
        received = self._statuses.received
        self._statuses.listen(0 if received else timeout_s)
        now_s = time.monotonic()
        feeds = tuple(_feed(name, received[name], now_s) for name in sorted(received))
        endpoints = " or ".join(self._fan_outs.values())
        publishers = {
            key for key, at_s in self._statuses.publishers.items() if now_s - at_s <= FRESH_S
        }
        deployments = {deployment for _, deployment in publishers}
        return Report(
            feeds,
            why_empty=f"no status arrived from {endpoints} within {HEARTBEATS_S:g} s",
            deployment=deployments.pop() if len(deployments) == 1 else None,
            remarks=several_deployments(publishers),
        )


def several_deployments(publishers: Collection[tuple[str, str | None]]) -> tuple[str, ...]:
    """Name the feeds that several deployments publish: their messages arrive mixed."""
    by_feed: dict[str, list[str]] = {}
    for name, deployment in sorted(publishers, key=str):
        by_feed.setdefault(name, []).append(str(deployment))
    return tuple(
        f"{name} arrives from {len(those)} deployments, {' and '.join(those)}; a subscriber can "
        "require one of them"
        for name, those in by_feed.items()
        if len(those) > 1
    )


def _feed(name: str, received: ReceivedStatus, now_s: float) -> ProcessHealth:
    status = received.status
    stopped = status["state"] == "stopped"
    silent_s = now_s - received.at_s
    if silent_s > FRESH_S and not stopped:
        return ProcessHealth(
            name, process=UNKNOWN, pid=None, uptime_s=0, exchange=status["exchange"], state=SILENT,
            reason=f"no status for {silent_s:.0f} s",
        )  # fmt: skip
    return ProcessHealth(
        name,
        process="EXITED" if stopped else "RUNNING",
        pid=None,
        uptime_s=int(status["uptime_s"]),
        exchange=status["exchange"],
        state=status["state"],
        reason=status["reason"],
        usage=Usage(status["cpu_percent"], status["memory_mb"]),
        channels=status["channels"],
        status=status,
    )

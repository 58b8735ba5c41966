"""Health of the feeds behind a fan-out endpoint, from their statuses alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.operation.health import ProcessHealth, Report, Usage
from feedd.transport.status_monitor import StatusMonitor

if TYPE_CHECKING:
    from feedd.config.settings import Config
    from feedd.transport.status_monitor import ReceivedStatus

HEARTBEATS_S = 2.0  # a feed publishes its status once a second; connecting takes some time, too


def endpoint_report(config: Config, timeout_s: float = HEARTBEATS_S) -> Report:
    """Return the health of every feed that publishes a status within `timeout_s`.

    A feed that publishes nothing is unknown here, and so is every process but the feeds.
    """
    fan_outs = config.fan_outs()
    with StatusMonitor(fan_outs, ()) as statuses:
        statuses.listen(timeout_s)
        feeds = tuple(_feed(name, heard) for name, heard in sorted(statuses.heard.items()))
    endpoints = " or ".join(fan_outs.values())
    return Report(feeds, why_empty=f"no status arrived from {endpoints} within {timeout_s:g} s")


def _feed(name: str, heard: ReceivedStatus) -> ProcessHealth:
    status = heard.status
    stopped = status["state"] == "stopped"
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

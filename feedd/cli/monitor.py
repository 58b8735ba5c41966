"""Health monitor of `feedd status` and `feedd top`: of an endpoint, or of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.config import ports
from feedd.health.endpoint import EndpointMonitor
from feedd.health.monitor import HealthMonitor
from feedd.operation.active_config import (
    SUPERVISORD_ANSWER_S,
    active_config,
    endpoint_config,
    unapplied_change,
)
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    import argparse


def health_monitor(arguments: argparse.Namespace) -> EndpointMonitor | HealthMonitor:
    """Return the monitor of `--endpoint`, else of the project."""
    if arguments.endpoint is not None:
        return EndpointMonitor(endpoint_config(arguments.endpoint))
    active = active_config(arguments.config, arguments.root)
    given = ports.assign(active.settings, active.path, remember=False)
    return HealthMonitor(
        active.settings,
        Daemon(arguments.root, SUPERVISORD_ANSWER_S),
        given,
        lambda: unapplied_change(active) if active.runs else None,
    )

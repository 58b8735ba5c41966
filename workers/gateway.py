"""Gateway: serves the web page, the HTTP API and the metrics, as configured by `gateway`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from feedd.clock import NS_PER_MS
from feedd.config import ports
from feedd.config.applied import worker_config
from feedd.config.environment import read_environment
from feedd.config.own_deployment import own_deployment
from feedd.errors import ConfigError
from feedd.gateway.candles import Candles
from feedd.gateway.health_poll import HealthPoll
from feedd.gateway.intake import Intake
from feedd.gateway.metrics.metrics import Metrics
from feedd.gateway.notifications.webhook import configured_webhook
from feedd.gateway.parts import Parts
from feedd.gateway.sampling import sample_trends
from feedd.gateway.server import GatewayServer
from feedd.gateway.stream.hub import StreamHub
from feedd.gateway.stream.sending import send_heartbeats
from feedd.gateway.trends import Trends
from feedd.runtime.process import raise_open_files, run, worker_arguments
from feedd.transport.history_client import HistoryClient

if TYPE_CHECKING:
    import argparse

# Where a CPU is short, the feeds and the proxy have it first: a scrape of many symbols or a busy
# client delays the page, and no feed.
NICENESS = 15


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Serve until a stop."""
    environment = read_environment()
    settings, path = worker_config(arguments.config, environment, applied=arguments.applied)
    if settings.gateway_settings is None:
        raise ConfigError(f"{path}: gateway is false; remove that, or do not start a gateway")
    raise_open_files()
    os.nice(NICENESS)
    histories = settings.history_endpoints()
    deployment = own_deployment(settings)
    intake = Intake(histories, deployment)
    candles, trends, hub = Candles(), Trends(), StreamHub(intake.market)
    intake.readers += [hub, candles, trends]
    given = ports.assign(settings, path, remember=False)
    health = HealthPoll(Path.cwd(), settings, given)
    webhook = configured_webhook(settings, environment, deployment, health)
    if webhook is not None:
        intake.readers.append(webhook)
        health.readers.append(webhook.health)
    history = HistoryClient(list(histories.values()))
    started_ms = time.time_ns() // NS_PER_MS
    metrics = Metrics(intake, health, hub, started_ms, webhook)
    server = GatewayServer(
        Parts(
            intake=intake,
            health=health,
            stream=hub,
            candles=candles,
            trends=trends,
            history=history,
            metrics=metrics,
            started_ms=started_ms,
        )
    )
    await server.start(settings.gateway_settings)
    structlog.get_logger().info("serving", url=settings.gateway_settings.url)
    running: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(one)
        for one in (
            intake.run(),
            health.run(),
            send_heartbeats(hub),
            metrics.keep(),
            sample_trends(trends, intake.market),
            *([] if webhook is None else [webhook.run()]),
            stop.wait(),
        )
    ]
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await server.stop()
    history.close()
    for task in done:
        task.result()  # an error in this code ends the process, with its reason in the log


if __name__ == "__main__":
    given_arguments = worker_arguments(__doc__).parse_args()
    sys.exit(run(lambda stop: main(given_arguments, stop), "gateway", given_arguments.log_dir))

"""The embedded exchange: build the configured markets and serve them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from feedd.clock import Clock
from feedd.config.applied import worker_config
from feedd.config.environment import read_environment
from feedd.embedded.configured_markets import configured_markets
from feedd.embedded.server import ExchangeServer
from feedd.embedded.truth import TruthLog
from feedd.errors import ConfigError
from feedd.runtime.deployment import deployment_id
from feedd.runtime.process import run, worker_arguments

if TYPE_CHECKING:
    import argparse
    import asyncio


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Serve until stopped."""
    config, path = worker_config(arguments.config, read_environment(), applied=arguments.applied)
    settings = config.embedded_exchange
    if settings is None:
        raise ConfigError(f"{path}: has no embedded_exchange; add it, or don't start the exchange")
    truth = None if settings.truth_log is None else TruthLog(Path(settings.truth_log))
    server = ExchangeServer(
        configured_markets(settings, config.feeds()),
        Clock(settings.clock_scale),
        truth,
        truth_unsent=settings.truth_unsent,
        faults=settings.faults,
        deployment=deployment_id(config.run_dir),
    )
    port = await server.start(settings.port)
    log = structlog.get_logger()
    log.info("serving", url=f"http://127.0.0.1:{port}", recording=settings.recording)
    await stop.wait()
    await server.stop()
    log.info("stopped")


if __name__ == "__main__":
    given = worker_arguments(__doc__).parse_args()
    sys.exit(run(lambda stop: main(given, stop), "exchange", given.log_dir))

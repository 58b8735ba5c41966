"""The proxy: merges all workers into the one endpoint that subscribers connect to."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from feedd import config, environment
from feedd.files import make_run_dir
from feedd.process import run, worker_arguments
from feedd.transport.proxy import Proxy

if TYPE_CHECKING:
    import argparse


LOOK_EVERY_S = 1.0


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Forward until told to stop."""
    settings = config.load(environment.config_path(arguments.config, environment.read()))
    make_run_dir(Path(settings.run_dir))
    proxy = Proxy()
    await proxy.bind(settings.proxy)
    proxy.start()
    log = structlog.get_logger()
    log.info("forwarding", subscribers=settings.proxy.subscribers, workers=settings.proxy.workers)
    while not stop.is_set():
        if not proxy.forwards:
            raise RuntimeError("libzmq's proxy loop has ended by itself")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
    proxy.stop()
    log.info("stopped")


if __name__ == "__main__":
    given = worker_arguments(__doc__).parse_args()
    sys.exit(run(lambda stop: main(given, stop), "proxy", given.log_dir))
